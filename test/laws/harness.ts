import { deserialize, serialize } from 'node:v8';
import { arrive, compact, createState, lookupsOf, packState, step, unpackState } from '../../core/pipeline.ts';
import type { Arrival, PackedState, Weir, WeirState } from '../../core/pipeline.ts';
import type { FeatureRow } from '../../core/features/settle.ts';
import type { Decision } from '../../core/score/decision.ts';
import { createEffects, countUp, type Effects } from '../../core/sinks/effects.ts';
import { ledgerTotals, type LedgerTotals } from '../../core/sinks/ledger-totals.ts';
import type { LogItem } from '../../simulate/hostile/log.ts';

/** How a log is run. */
export type RunPlan = {
  /** Sizes of the batches in turn, over and over; one batch without any. */
  readonly batchSizes?: readonly number[];
  /** After these batches, by number from 0, the state goes through a checkpoint. */
  readonly restartAfter?: (batch: number) => boolean;
  /** Decisions that are kept already, by offset. */
  readonly recorded?: ReadonlyMap<number, Decision>;
  readonly afterBatch?: (state: WeirState) => void;
};

/** All effects of a log. */
export type Output = Omit<Effects, 'featureRows'> & {
  /** The last one sent of each row, ordered by offset. */
  readonly featureRows: readonly FeatureRow[];
  /** How many rows were sent in all. */
  readonly rowsSent: number;
  readonly restarts: number;
  readonly totals: LedgerTotals;
};

/** Runs the shipped pipeline over a log as a shell does: batch by batch, remembering every id that was accepted. */
export function runShipped(weir: Weir, log: readonly LogItem[], plan: RunPlan = {}): Output {
  const all = createEffects();
  const rows = new Map<number, FeatureRow>();
  const ids = new Map<string, string>();
  let state = createState(weir);
  let restarts = 0;
  let rowsSent = 0;
  for (const [batch, items] of batches(log, plan.batchSizes ?? []).entries()) {
    const arrivals = items.map(({ record }) => arrive(record));
    const effects = step(weir, state, {
      arrivals,
      known: knownOf(ids, arrivals),
      recorded: plan.recorded ?? new Map(),
    });
    append(all, effects);
    rowsSent += effects.featureRows.length;
    for (const row of effects.featureRows) keepRow(rows, row);
    for (const { idHash, bodyHash } of effects.acceptedKeys) ids.set(idHash, bodyHash);
    if (plan.restartAfter?.(batch) === true) {
      state = restart(weir, state);
      restarts += 1;
    }
    plan.afterBatch?.(state);
  }
  const featureRows = [...rows.values()].toSorted((left, right) => left.identity.offset - right.identity.offset);
  return { ...all, featureRows, rowsSent, restarts, totals: ledgerTotals(state.ledger) };
}

/** A state after its checkpoint was written and read again. */
export function restart(weir: Weir, state: WeirState): WeirState {
  compact(weir, state);
  const packed: PackedState = deserialize(serialize(packState(state)));
  return unpackState(packed);
}

/** What any two right runs of a log share: everything but how often rows were sent. */
export function comparable({ rowsSent: _rowsSent, restarts: _restarts, ...output }: Output) {
  return output;
}

/** Cuts a log into batches of these sizes in turn; into one without any. */
export function batches(log: readonly LogItem[], sizes: readonly number[]): LogItem[][] {
  const made: LogItem[][] = [];
  let start = 0;
  while (start < log.length) {
    const size = sizes.length === 0 ? log.length : Math.max(1, sizes[made.length % sizes.length] ?? 1);
    made.push(log.slice(start, start + size));
    start += size;
  }
  return made;
}

/** The ledger's memory, for the ids that the batch asks for and no others. */
function knownOf(ids: ReadonlyMap<string, string>, arrivals: readonly Arrival[]): Map<string, string> {
  const known = new Map<string, string>();
  for (const idHash of arrivals.flatMap(lookupsOf)) {
    const bodyHash = ids.get(idHash);
    if (bodyHash !== undefined) known.set(idHash, bodyHash);
  }
  return known;
}

function append(all: Effects, effects: Effects): void {
  all.decisions.push(...effects.decisions);
  all.ledgerEntries.push(...effects.ledgerEntries);
  all.chainBlocks.push(...effects.chainBlocks);
  all.chainBlocks.push(...effects.chainBlocks);
  all.lateEvents.push(...effects.lateEvents);
  all.deadLetters.push(...effects.deadLetters);
  all.acceptedKeys.push(...effects.acceptedKeys);
  for (const [name, by] of effects.counts) countUp(all.counts, name, by);
}

/** Sinks keep the highest revision. */
function keepRow(rows: Map<number, FeatureRow>, row: FeatureRow): void {
  const { offset } = row.identity;
  const kept = rows.get(offset)?.revision ?? -1;
  if (kept >= (row.revision ?? 0)) throw new Error(`got revision ${row.revision} of row ${offset} after ${kept}`);
  rows.set(offset, row);
}
