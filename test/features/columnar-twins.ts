import { deserialize, serialize } from 'node:v8';
import { expect } from 'vitest';
import { createInterner, type Interner, textOf } from '../../core/decode/interner.ts';
import { latenesses } from '../../core/decode/event-columns.ts';
import {
  admit,
  advanceByEvent,
  advanceToEnd,
  createAdmissionState,
  type Candidate,
} from '../../core/engine/admission.ts';
import { createPageBook } from '../../core/engine/pages.ts';
import { createWatermarks } from '../../core/engine/watermark.ts';
import { createColumnarFeatures, type ColumnarFeatures } from '../../core/features/columnar-engine.ts';
import { applyLabelRow, expireWaitingRows } from '../../core/features/columnar-labels.ts';
import { observeRow } from '../../core/features/columnar-observe.ts';
import type { SettledColumns } from '../../core/features/columnar-settled.ts';
import { collectSettled, settleRows } from '../../core/features/columnar-settle.ts';
import { skewOf } from '../../core/features/columnar-skew.ts';
import {
  type ColumnarFeatureRest,
  type ColumnarFeatureState,
  createColumnarFeatureState,
  restOfFeatures,
} from '../../core/features/columnar-state.ts';
import { createFeatureEngine, type FeatureEngine } from '../../core/features/engine.ts';
import { readField } from '../../core/features/expression.ts';
import { applyLabel, expireWaitingLabels } from '../../core/features/labels.ts';
import { observe } from '../../core/features/observe.ts';
import type { Plan } from '../../core/features/plan.ts';
import { refusedByKeyOf } from '../../core/features/refused-keys.ts';
import { collectRows, type FeatureRow, settle } from '../../core/features/settle.ts';
import { createFeatureState, type FeatureState, labelKeyOf } from '../../core/features/state.ts';
import { arrive, type EventArrival, targetHashOf } from '../../core/steps/arrival.ts';
import type { LogItem } from '../../simulate/hostile/log.ts';
import { KeptPages } from '../engine/kept-pages.ts';
import { createColumns, layoutOf, writeRow } from './columnar-rows.ts';

/** How a log is run through both engines. */
export type TwinRun = {
  readonly plan: Plan;
  readonly log: readonly LogItem[];
  readonly batchSizes: readonly number[];
  readonly keyEventsMax?: number;
  /** Blocks and nodes so small that busy keys occur. */
  readonly blockEntries?: number;
  readonly leafEntries?: number;
  readonly fanout?: number;
  /** After these batches the columnar state goes through a checkpoint. */
  readonly restartAfter?: (batch: number) => boolean;
  /** Decisions at these offsets are adopted. */
  readonly adopts?: (offset: number) => boolean;
};

/** What happened, so that a test can see that it looked. */
export type Seen = {
  decisions: number;
  settled: number;
  /** Events that full keys did not take. */
  refused: number;
  revised: number;
  hot: number;
  /** Cuts that held only what was written since the one before. */
  changedCuts: number;
  labels: Map<string, number>;
};

type Twins = {
  readonly engine: FeatureEngine;
  readonly state: FeatureState;
  readonly fast: ColumnarFeatures;
  readonly interner: Interner;
  columnar: ColumnarFeatureState;
};

/** Runs a log through the readable engine and the columnar one and expects the same of every record and every batch. */
export function expectTwins(run: TwinRun): Seen {
  const { plan, log, batchSizes } = run;
  const layout = layoutOf(plan);
  const twins = createTwins(run, layout);
  const { interner, fast } = twins;
  const kept = new KeptPages();
  const admission = createAdmissionState();
  const watermarks = createWatermarks();
  const seen: Seen = { decisions: 0, settled: 0, refused: 0, revised: 0, hot: 0, changedCuts: 0, labels: new Map() };
  let start = 0;
  for (let batch = 0; start < log.length; batch++) {
    const items = log.slice(start, start + (batchSizes[batch % batchSizes.length] ?? 1));
    start += items.length;
    const columns = createColumns(layout, items.length);
    for (const [r, { record }] of items.entries()) {
      const arrival = arrive(record);
      if (arrival.kind === 'endOfInput') advanceToEnd(watermarks);
      if (arrival.kind === 'event') {
        const candidate = candidateOf(arrival);
        const { kind } = admit(admission, watermarks, candidate, undefined);
        if (kind === 'onTime' || kind === 'late' || kind === 'tooLate') {
          writeRow(interner, columns, r, { domain: arrival.event, idHash: arrival.idHash });
          const step = { run, twins, columns, r, arrival, watermarkMs: watermarks.stateMs, seen };
          if (arrival.event.topic === 'payments.authorization.v1') expectSameDecision({ ...step, lateness: kind });
          else if (kind !== 'tooLate') {
            expectSameLabel({ ...step, targetKnown: admission.remembered.has.bind(admission.remembered) });
          }
          advanceByEvent(watermarks, candidate);
        }
      }
      expectSameTime(twins, watermarks.stateMs);
    }
    expectSameRows(twins, watermarks.stateMs, seen);
    seen.hot += twins.columnar.keys.reduce((sum, { hot }) => sum + hot.filter((key) => key !== null).length, 0);
    const { book } = twins.columnar.rows.pages;
    // A cut is copied while the next batches write to what it holds.
    if (batch % 3 === 0) kept.begin(book, batch % 12 === 0 ? 'whole' : 'changed');
    else kept.slice(20);
    if (run.restartAfter?.(batch) !== true) continue;
    kept.begin(book, 'changed');
    kept.finish();
    const rest = deserialize(serialize(restOfFeatures(twins.columnar))) as ColumnarFeatureRest;
    twins.columnar = createColumnarFeatureState(fast, { book: kept.restore(), rest });
  }
  kept.finish();
  expect(refusedByKeyOf(plan, twins.columnar.gaps)).toEqual(refusedByKeyOf(plan, twins.state.gaps));
  for (const { refused } of twins.columnar.gaps) seen.refused += refused;
  seen.changedCuts += kept.changedCuts;
  return seen;
}

function createTwins(run: TwinRun, layout: ReturnType<typeof layoutOf>): Twins {
  const { plan, keyEventsMax, blockEntries = 128, leafEntries = 32, fanout = 8 } = run;
  const interner = createInterner();
  const allowedLatenessMs = 60_000;
  const fast = createColumnarFeatures(plan, {
    allowedLatenessMs,
    keyEventsMax,
    interner,
    layout,
    blockEntries,
    leafEntries,
    fanout,
  });
  return {
    engine: createFeatureEngine(plan, allowedLatenessMs, keyEventsMax),
    state: createFeatureState(plan),
    fast,
    interner,
    columnar: createColumnarFeatureState(fast, { book: createPageBook() }),
  };
}

function candidateOf({ record, contract, event, bodyHash, idHash }: EventArrival): Candidate {
  return {
    input: 'log',
    idHash,
    bodyHash,
    eventTimeMs: event.event.eventTimeMs,
    ingestTimeMs: record.ingestTimeMs,
    outOfOrdernessMs: contract.outOfOrdernessMs,
    allowedLatenessMs: contract.allowedLatenessMs,
    maxFutureMs: contract.maxFutureMs,
  };
}

type Step = {
  readonly run: TwinRun;
  readonly twins: Twins;
  readonly columns: ReturnType<typeof createColumns>;
  readonly r: number;
  readonly arrival: EventArrival;
  readonly watermarkMs: number;
  readonly seen: Seen;
};

function expectSameDecision(step: Step & { readonly lateness: 'onTime' | 'late' | 'tooLate' }): void {
  const { run, twins, columns, r, arrival, watermarkMs, lateness, seen } = step;
  const { engine, state, fast } = twins;
  const { offset } = arrival.record;
  const { event } = arrival.event;
  const { tenantId, accountId, eventId, eventTimeMs } = event;
  const adopted =
    run.adopts?.(offset) === true ? run.plan.features.map((_, index) => (index % 3 === 0 ? null : offset)) : undefined;
  const identity = { tenantId, accountId, eventId, eventTimeMs, offset };
  const expected = observe(engine, state, { identity, event, lateness, watermarkMs, recorded: adopted });
  const values = new Float64Array(expected.length + 2);
  adopted?.forEach((value, index) => (values[1 + index] = value ?? Number.NaN));
  const decision = adopted === undefined ? 'computed' : 'adopted';
  observeRow(fast, twins.columnar, columns, r, offset, latenesses[lateness], watermarkMs, values, 1, decision);
  expect({ offset, vector: named(run.plan, values.subarray(1, -1)) }).toEqual({
    offset,
    vector: namedOf(run.plan, expected),
  });
  seen.decisions++;
}

function expectSameLabel(step: Step & { readonly targetKnown: (hash: string) => boolean }): void {
  const { twins, columns, r, arrival, watermarkMs, seen } = step;
  const { event, topic } = arrival.event;
  const { label } = twins.engine.plan;
  if (topic !== 'payments.dispute.v1' || label === null) return;
  const { offset } = arrival.record;
  const targetKnown = step.targetKnown(targetHashOf(event));
  const { tenantId, accountId, eventTimeMs } = event;
  const waitUntilMs = eventTimeMs + 120_000;
  const expected = applyLabel(twins.engine, twins.state, {
    event,
    labelKey: labelKeyOf({ tenantId, accountId, eventId: event.authorizationId }),
    eventTimeMs,
    offset,
    carriesLabel: label.when === null || readField(label.when.field)(event) === label.when.equals,
    targetKnown,
    watermarkMs,
    waitUntilMs,
  });
  const labelRow = { offset, targetKnown, watermarkMs, waitUntilMs, eventOf: () => event };
  expect(applyLabelRow(twins.fast, twins.columnar, columns, r, labelRow)).toBe(expected);
  seen.labels.set(expected, (seen.labels.get(expected) ?? 0) + 1);
}

function expectSameTime({ state, fast, columnar }: Twins, watermarkMs: number): void {
  settle(state, watermarkMs);
  settleRows(fast, columnar, watermarkMs);
  expect(expireWaitingRows(columnar, watermarkMs)).toEqual(expireWaitingLabels(state, watermarkMs));
}

function expectSameRows(twins: Twins, watermarkMs: number, seen: Seen): void {
  const { engine, state, fast, columnar, interner } = twins;
  const expected = collectRows(engine, state, watermarkMs);
  const settled = collectSettled(fast, columnar, watermarkMs);
  const rows = Array.from({ length: settled.rowCount }, (_, index) => rowAt(engine.plan, interner, settled, index));
  expect(rows).toEqual(expected.map((row) => plainRow(engine.plan, row)));
  expect(skewOf(engine.plan, columnar.skew)).toEqual(state.skew);
  seen.settled += rows.length;
  seen.revised += rows.filter(({ revision }) => (revision ?? 0) > 0).length;
}

function plainRow(plan: Plan, { identity, late, tooLate, revision, decision, settled }: FeatureRow) {
  return {
    identity,
    late,
    tooLate,
    revision,
    decision: namedOf(plan, decision),
    settled: settled === null ? null : namedOf(plan, settled),
  };
}

function rowAt(plan: Plan, interner: Interner, settled: SettledColumns, row: number) {
  const count = plan.features.length;
  const tooLate = settled.tooLate[row] === 1;
  const id = settled.text.subarray(settled.eventIdStart[row], settled.eventIdEnd[row]);
  return {
    identity: {
      tenantId: textOf(interner, settled.tenant[row] ?? -1),
      accountId: textOf(interner, settled.account[row] ?? -1),
      eventId: new TextDecoder().decode(id),
      eventTimeMs: settled.eventTimeMs[row],
      offset: settled.offset[row],
    },
    late: settled.late[row] === 1,
    tooLate,
    revision: settled.revision[row] === -1 ? null : settled.revision[row],
    decision: named(plan, settled.decision.subarray(row * count, (row + 1) * count)),
    settled: tooLate ? null : named(plan, settled.settled.subarray(row * count, (row + 1) * count)),
  };
}

/** A vector of columns by name, so that a difference says which feature it is. */
function named(plan: Plan, values: Float64Array): Record<string, number | null> {
  return namedOf(
    plan,
    Array.from(values, (value) => (Number.isNaN(value) ? null : value)),
  );
}

function namedOf(plan: Plan, values: readonly (number | null)[]): Record<string, number | null> {
  return Object.fromEntries(plan.features.map(({ name }, index) => [name, values[index] ?? null]));
}
