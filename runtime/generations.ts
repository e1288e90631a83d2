import { dirname, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { realDisk } from '../adapters/files/disk.ts';
import {
  existsOn,
  makeDirectory,
  readTextIfAny,
  removeTree,
  syncDirectory,
  writeDurably,
  writeFully,
} from '../adapters/files/durable-file.ts';
import { openLake } from '../adapters/files/lake.ts';
import { tableColumns, type TableRow, type TableSchema } from '../core/sinks/table-schema.ts';
import { generationViews } from './generation-views.ts';

const generationSchema = z.object({
  /** From 1; 0 is what was answered. */
  generation: z.number(),
  replayId: z.string(),
  /** The event times `[fromMs, toMs)` and the offsets below `untilOffset` whose decisions it holds. */
  fromMs: z.number(),
  toMs: z.number(),
  untilOffset: z.number(),
  /** From where on what it tried decides. */
  activeFromOffset: z.number(),
  corrections: z.number(),
});

/** A replayed range in the lake that counts in the place of what was answered. */
export type Generation = z.infer<typeof generationSchema>;

/** The folder of a generation: `decisions`, `ledger_corrections`, `generation.json` and `views.sql`. */
function generationDir(out: string, generation: number): string {
  return join(out, 'generations', String(generation));
}

/** The generations that count, the oldest first; none where only what was answered does. */
export function readGenerations(out: string): Generation[] {
  const text = readTextIfAny(realDisk, pointerOf(out));
  const current = Number(/^-- generation (\d+)\n/.exec(text ?? '')?.[1] ?? 0);
  return Array.from({ length: current }, (_, index) => readGeneration(out, index + 1));
}

/** Whether a decision is of the range of a generation. */
export function isOfGeneration(
  { fromMs, toMs, untilOffset }: Pick<Generation, 'fromMs' | 'toMs' | 'untilOffset'>,
  { offset, eventTimeMs }: { readonly offset: number; readonly eventTimeMs: number },
): boolean {
  return offset < untilOffset && eventTimeMs >= fromMs && eventTimeMs < toMs;
}

const correctionColumns = {
  correction_id: 'text!',
  kind: 'text',
  cites_entry_id: 'text!',
  entry_id: 'text!',
  entry_kind: 'text',
  tenant_id: 'text',
  authorization_id: 'text!',
  account_id: 'text',
  event_time: 'timestamp',
  debit_account: 'text',
  credit_account: 'text',
  amount_minor: 'int64',
  currency: 'text',
  outcome: 'text?',
  unmatched: 'boolean',
  offset: 'int64',
  sequence: 'int64',
} as const;

const correctionTable: TableSchema = { name: 'ledger_corrections', columns: tableColumns(correctionColumns) };

/**
 * Puts a generation beside those before it, whole or not at all: the replay's decisions under second names, corrections of
 * the ledger, and the views over all of it. It does not count before `switchGeneration`.
 */
export async function buildGeneration(built: {
  readonly out: string;
  readonly shadow: string;
  readonly generation: Omit<Generation, 'corrections'>;
  readonly corrections: readonly TableRow[];
}): Promise<void> {
  const { out, shadow, corrections } = built;
  const generation: Generation = { ...built.generation, corrections: corrections.length };
  const dir = generationDir(out, generation.generation);
  if (existsOn(realDisk, dir)) return;
  const temporary = `${dir}.tmp`;
  removeTree(realDisk, temporary);
  makeDirectory(realDisk, temporary);
  const lakeDir = join(shadow, 'lake');
  for (const { path, startOffset } of openLake({ dir: lakeDir }).listFiles('decisions')) {
    if (startOffset >= generation.untilOffset) continue;
    const to = join(temporary, relative(lakeDir, path));
    makeDirectory(realDisk, dirname(to));
    realDisk.link(path, to);
    syncDirectory(realDisk, dirname(to));
  }
  if (corrections.length > 0) {
    const cut = openLake({ dir: temporary }).openCut(0);
    cut.table(correctionTable).appendRows(corrections);
    await cut.finish(generation.activeFromOffset);
  }
  const before = readGenerations(out);
  writeText(join(temporary, 'generation.json'), `${JSON.stringify(generation, null, 2)}\n`);
  writeText(join(temporary, 'views.sql'), generationViews(resolve(out), [...before, generation]));
  realDisk.rename(temporary, dir);
  syncDirectory(realDisk, dirname(dir));
}

/** Makes a generation the current one, at once: `generations/current.sql` is replaced by its views. */
export function switchGeneration(out: string, generation: number): void {
  const views = readTextIfAny(realDisk, join(generationDir(out, generation), 'views.sql'));
  if (views === null) throw new Error(`got generation ${generation} without views, expected it to be built`);
  if (readTextIfAny(realDisk, pointerOf(out)) !== views) writeText(pointerOf(out), views);
}

/** The rows of a generation's table. */
export async function* readGenerationRows(
  out: string,
  { generation, table }: { readonly generation: number; readonly table: 'decisions' | 'ledger_corrections' },
): AsyncGenerator<TableRow[]> {
  yield* openLake({ dir: generationDir(out, generation) }).readRows(table);
}

function readGeneration(out: string, generation: number): Generation {
  const path = join(generationDir(out, generation), 'generation.json');
  return generationSchema.parse(JSON.parse(readTextIfAny(realDisk, path) ?? 'null'));
}

function writeText(path: string, text: string): void {
  writeDurably(realDisk, path, (fd) => writeFully(realDisk, fd, Buffer.from(text)));
}

function pointerOf(out: string): string {
  return join(out, 'generations', 'current.sql');
}
