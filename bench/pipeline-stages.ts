import { join } from 'node:path';
import type { Assembled } from '../runtime/assemble.ts';
import { BackShell } from '../runtime/back-shell.ts';
import { openSlot, slotBytes } from '../runtime/batch-slot.ts';
import { columnarDefaults } from '../runtime/columnar.ts';
import { stateBytesMaxDefault } from '../runtime/state-limit.ts';
import { openOutput } from '../runtime/columnar-opening.ts';
import { columnarWeirOf } from '../runtime/columnar-weir.ts';
import { CutKeeper, noParts } from '../runtime/cut-keeper.ts';
import { openFrontShell } from '../runtime/front-shell.ts';
import { createLakeWriter } from '../runtime/lake-writer.ts';
import { createOpenCut } from '../runtime/open-cut.ts';

/** Microseconds of the processor a record, by stage: what other programs take of it does not count. */
export type StageTimes = Readonly<Record<string, number>>;

/** Runs a directory's log in one thread, as `Columnar` does, and times what it does. */
export async function openStages({ dir, assembled }: { dir: string; assembled: Assembled }): Promise<StageTimes> {
  const weir = columnarWeirOf(assembled);
  const { owner, log, recorded } = openOutput(dir);
  const { endOffset } = log;
  const limits = { ...columnarDefaults, stateBytesMax: stateBytesMaxDefault, fromOffset: 0, recorded };
  const keeper = new CutKeeper({ dir, owner, parts: noParts, definition: weir.definitionHash });
  const dirs = { logDir: join(dir, 'log'), keysDir: join(dir, 'keys') };
  const half = { epoch: owner.epoch, sink: keeper.sinkOf('front'), loaded: null };
  const front = openFrontShell({ ...dirs, ...limits, ...half, weir, verifyBelowOffset: endOffset });
  const { interner } = front;
  const keep = keeper.keep.bind(keeper);
  const lake = createLakeWriter({ dir, weir, interner, partition: 0, fromOffset: 0, owner, keep });
  const sinks = { owner, lake, sink: keeper.sinkOf('back'), tells: 'declines' } as const;
  const back = new BackShell({ ...limits, ...sinks, dir, weir, interner, loaded: null, counts: new Map() });
  const cut = createOpenCut({ front, back });
  const { layout, plan } = weir.options;
  const shape = { layout, featureCount: plan.features.length, rowsMax: limits.batchRecordsMax };
  const slot = openSlot(new ArrayBuffer(slotBytes(shape)), shape);
  const totalMs: Record<string, number> = {};
  const time = async <T>(stage: string, work: () => T | Promise<T>): Promise<T> => {
    const start = process.threadCpuUsage();
    const result = await work();
    const { user, system } = process.threadCpuUsage(start);
    totalMs[stage] = (totalMs[stage] ?? 0) + (user + system) / 1000;
    return result;
  };
  for (;;) {
    const taken = await time('decode, admission, features', () => front.take(endOffset, slot));
    if (taken === null) break;
    await time('score, ledger, lake', () => back.take({ slot, ...taken }));
    await time('sync of the journal', () => back.sync());
    await time('cuts', () => (taken.endsCut ? cut.begin() : cut.goOn()));
  }
  await time('cuts', async () => {
    await cut.begin();
    await cut.end();
  });
  front.close();
  await back.close();
  log.close();
  owner.release();
  return Object.fromEntries(Object.entries(totalMs).map(([stage, ms]) => [stage, (ms * 1000) / endOffset]));
}
