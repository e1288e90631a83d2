import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { keyEventsMaxDefault } from '../core/engine/key-gaps.ts';
import type { Assembled, WeirFiles } from '../runtime/assemble.ts';
import { Columnar } from '../runtime/columnar.ts';
import { Embedded } from '../runtime/embedded.ts';
import { stateBytesMaxDefault } from '../runtime/state-limit.ts';
import type { Scoring } from '../runtime/scoring.ts';
import { expectLongRun } from '../runtime/compiler-settings.ts';
import { openSplit } from '../runtime/split.ts';
import { wholeNumber } from './invocation.ts';

/** The options that say how a run computes; the results are the same whatever they are, within the limits. */
export type EngineOptions = {
  readonly engine: EngineName;
  readonly threads: number;
  readonly stateMibMax: number;
  readonly keyEventsMax: number;
};

/** The columnar engine, or the readable one that it is checked against. */
export type EngineName = 'columnar' | 'twin';

/** Adds the options that say how a run computes. */
export function addEngineOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--engine <engine>', 'twin is the readable core: the same results, many times slower')
        .choices(['columnar', 'twin'])
        .default('columnar'),
    )
    .option(
      '--threads <n>',
      'of the columnar engine: 2 splits it by stage',
      wholeNumber(1),
      Math.min(2, availableParallelism()),
    )
    .option(
      '--state-mib-max <mib>',
      'of the columnar engine: the memory that the state of each half may take',
      wholeNumber(1),
      stateBytesMaxDefault / 2 ** 20,
    )
    .option(
      '--key-events-max <n>',
      'events that a card, merchant or the like may hold in its windows; beyond it they say null',
      wholeNumber(1),
      keyEventsMaxDefault,
    );
}

/** Opens an output directory with an engine. `decisions`: batches tell all decisions, or only declines. */
export async function openScoring(opening: {
  readonly dir: string;
  readonly assembled: Assembled;
  readonly files: WeirFiles;
  readonly engine: EngineName;
  readonly threads: number;
  readonly stateMibMax?: number;
  readonly tells?: 'declines' | 'all';
  readonly clockMs?: () => number;
}): Promise<Scoring> {
  const { dir, assembled, files, engine, threads, tells = 'declines', clockMs = Date.now } = opening;
  const stateBytesMax = (opening.stateMibMax ?? stateBytesMaxDefault / 2 ** 20) * 2 ** 20;
  if (engine === 'twin') return new Embedded({ dir, weir: assembled.weir, clockMs });
  expectLongRun();
  if (threads > 1 && tells === 'declines') return openSplit({ dir, assembled, files, clockMs, stateBytesMax });
  return new Columnar({ dir, assembled, clockMs, tells, stateBytesMax });
}
