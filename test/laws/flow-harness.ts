import { deserialize, serialize } from 'node:v8';
import {
  arriveFlow,
  createFlowState,
  type Flow,
  type FlowEffects,
  type FlowState,
  stepFlow,
} from '../../core/flow-pipeline.ts';
import type { FlowRow } from '../../core/engine/operator.ts';
import type { FlowItem } from './flow-workload.ts';

/** How a shell runs a flow: batches of these sizes in turn (one batch without any), and where it restarts. */
export type FlowRun = {
  readonly batchSizes?: readonly number[];
  readonly restartAfter?: (batch: number) => boolean;
};

/** All effects of a log. */
export type FlowOutput = Omit<FlowEffects, 'rows'> & {
  /** The last revision of each row, retractions too, by output, tenant and key, in the order of those. */
  readonly rows: readonly FlowRow[];
  readonly restarts: number;
  readonly state: FlowState;
};

/** Runs a flow over records as a shell does: batch by batch, remembering every accepted id, the state through checkpoints. */
export function runFlow(flow: Flow, items: readonly FlowItem[], run: FlowRun = {}): FlowOutput {
  const all: FlowEffects = { rows: [], lateEvents: [], deadLetters: [], acceptedKeys: [], counts: new Map() };
  const ids = new Map<string, string>();
  let state = createFlowState();
  let restarts = 0;
  const { batchSizes = [], restartAfter } = run;
  for (let start = 0, batch = 0; start < items.length; batch++) {
    const size = Math.max(1, batchSizes[batch % batchSizes.length] ?? items.length);
    const arrivals = items.slice(start, start + size).map(({ record }) => arriveFlow(flow.contracts, record));
    const effects = stepFlow(flow, state, { arrivals, known: ids });
    append(all, effects);
    for (const { idHash, bodyHash } of effects.acceptedKeys) ids.set(idHash, bodyHash);
    start += size;
    if (restartAfter?.(batch) !== true) continue;
    state = deserialize(serialize(state)) as FlowState;
    restarts += 1;
  }
  return { ...all, rows: lastRows(all.rows), restarts, state };
}

/**
 * Takes a log in batches and the checkpoint after each; then takes every batch again from the checkpoint before it. Gives the
 * effects of both, batch by batch.
 */
export function replayEach(
  flow: Flow,
  items: readonly FlowItem[],
  size: number,
): { readonly first: FlowEffects; readonly again: FlowEffects }[] {
  const ids = new Map<string, string>();
  const state = createFlowState();
  const batches: { first: FlowEffects; again: FlowEffects }[] = [];
  for (let start = 0; start < items.length; start += size) {
    const arrivals = items.slice(start, start + size).map(({ record }) => arriveFlow(flow.contracts, record));
    const kept = serialize(state);
    const known = new Map(ids);
    const first = stepFlow(flow, state, { arrivals, known });
    batches.push({ first, again: stepFlow(flow, deserialize(kept) as FlowState, { arrivals, known }) });
    for (const { idHash, bodyHash } of first.acceptedKeys) ids.set(idHash, bodyHash);
  }
  return batches;
}

/** The last revision of each row, sorted by its name: what a sink ends with. Throws when a revision comes twice with other values. */
export function lastRows(rows: readonly FlowRow[]): FlowRow[] {
  const last = new Map<string, FlowRow>();
  for (const row of rows) {
    const name = JSON.stringify([row.output, row.tenantId, row.key]);
    const before = last.get(name);
    if (before !== undefined && before.revision >= row.revision) {
      throw new Error(`got revision ${row.revision} of ${name} after ${before.revision}`);
    }
    last.set(name, row);
  }
  return [...last].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => row);
}

/** What any two right runs share, as text. */
export function textOf(rows: readonly FlowRow[]): string {
  return rows.map((row) => JSON.stringify(row)).join('\n');
}

function append(all: FlowEffects, effects: FlowEffects): void {
  all.rows.push(...effects.rows);
  all.lateEvents.push(...effects.lateEvents);
  all.deadLetters.push(...effects.deadLetters);
  all.acceptedKeys.push(...effects.acceptedKeys);
  for (const [name, by] of effects.counts) all.counts.set(name, (all.counts.get(name) ?? 0) + by);
}
