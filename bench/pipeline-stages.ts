import { join } from 'node:path';
import type { Assembled } from '../runtime/assemble.ts';
import { BackShell } from '../runtime/back-shell.ts';
import { openSlot, slotBytes } from '../runtime/batch-slot.ts';
import { columnarDefaults } from '../runtime/columnar.ts';
import { openOutput } from '../runtime/columnar-opening.ts';
import { columnarWeirOf } from '../runtime/columnar-weir.ts';
import { keepCut } from '../runtime/cut-keeper.ts';
import { openFrontShell } from '../runtime/front-shell.ts';

/** Microseconds a record by stage. */
export type StageTimes = Readonly<Record<string, number>>;

/** Runs a directory's log in one thread, as `Columnar` does, and times what it does. */
export async function openStages({ dir, assembled }: { dir: string; assembled: Assembled }): Promise<StageTimes> {
  const weir = columnarWeirOf(assembled);
  const { owner, log, recorded } = openOutput(dir);
  const { endOffset } = log;
  const limits = { ...columnarDefaults, fromOffset: 0, recorded };
  const dirs = { logDir: join(dir, 'log'), keysDir: join(dir, 'keys') };
  const front = openFrontShell({ ...dirs, ...limits, weir, packed: null, verifyBelowOffset: endOffset });
  const { interner } = front;
  const sinks = { owner, keep: async (cut: Parameters<typeof keepCut>[0]) => keepCut(cut), tells: 'declines' } as const;
  const back = new BackShell({ ...limits, ...sinks, dir, weir, interner, packed: null, counts: new Map() });
  const { layout, plan } = weir.options;
  const shape = { layout, featureCount: plan.features.length, rowsMax: limits.batchRecordsMax };
  const slot = openSlot(new ArrayBuffer(slotBytes(shape)), shape);
  const totalMs: Record<string, number> = {};
  const time = async <T>(stage: string, work: () => T | Promise<T>): Promise<T> => {
    const startMs = performance.now();
    const result = await work();
    totalMs[stage] = (totalMs[stage] ?? 0) + performance.now() - startMs;
    return result;
  };
  for (;;) {
    const taken = await time('decode, admission, features', () => front.take(endOffset, slot));
    if (taken === null) break;
    await time('score, ledger, lake', () => back.take({ slot, ...taken }));
    await time('sync of the journal', () => back.sync());
    if (taken.endsCut) await time('cuts', async () => front.noteCommitted((await back.endCut(front.pack())) ?? 0));
  }
  await time('cuts', () => back.endCut(front.pack()));
  front.close();
  back.close();
  log.close();
  owner.release();
  return Object.fromEntries(Object.entries(totalMs).map(([stage, ms]) => [stage, (ms * 1000) / endOffset]));
}
