import { createColumnSpace, measureLayout } from '../core/decode/column-space.ts';
import {
  countAt,
  type EventColumns,
  type EventLayout,
  latenesses,
  layOutEvents,
} from '../core/decode/event-columns.ts';
import { type Interner, createInterner, internText, sharedScope } from '../core/decode/interner.ts';
import { type ColumnarFeatures, createColumnarFeatures } from '../core/features/columnar-engine.ts';
import { expireWaitingRows } from '../core/features/columnar-labels.ts';
import { fieldsOfPlan } from '../core/features/columnar-layout.ts';
import { observeRow } from '../core/features/columnar-observe.ts';
import { collectSettled, settleRows } from '../core/features/columnar-settle.ts';
import { type ColumnarFeatureState, createColumnarFeatureState } from '../core/features/columnar-state.ts';
import type { Plan } from '../core/features/plan.ts';
import { openStream, wholeBelow } from '../simulate/random.ts';

/** A log of authorizations as columns, made before anything is measured. */
export type FeatureLog = {
  readonly plan: Plan;
  readonly keys: number;
  readonly events: number;
  /** Event time that the log spans; it is run again and again, each time later by this. */
  readonly spanMs: number;
  /** How far an event may be behind the newest. */
  readonly disorderMs: number;
  /** Every key as often, or some far more than others: the share of key k falls as 1 / k. */
  readonly keyed: 'uniform' | 'zipf';
};

/** A log that is under way: the state after what ran of it. */
export type FeatureRun = {
  readonly log: FeatureLog;
  readonly engine: ColumnarFeatures;
  readonly state: ColumnarFeatureState;
  readonly batches: readonly EventColumns[];
  readonly times: readonly Float64Array[];
  readonly values: Float64Array;
  rounds: number;
  newestMs: number;
  /** The longest batch since the start, in milliseconds. */
  batchMsMax: number;
  /** The longest event and the longest end of a batch, where they are timed. */
  eventMsMax: number;
};

const batchRows = 1024;
const outOfOrdernessMs = 5000;
const allowedLatenessMs = 60_000;
const numberFields = new Set(['amountMinor', 'eventTimeMs']);

/** Makes the log's columns and an engine with an empty state. */
export function openFeatureRun(log: FeatureLog): FeatureRun {
  const fields = fieldsOfPlan(log.plan);
  const layout: EventLayout = {
    numbers: fields.filter((field) => numberFields.has(field)),
    texts: fields.filter((field) => !numberFields.has(field)),
  };
  const interner = createInterner();
  const batches = writeBatches(log, layout, interner);
  const engine = createColumnarFeatures(log.plan, { allowedLatenessMs, interner, layout });
  return {
    log,
    engine,
    state: createColumnarFeatureState(engine),
    batches,
    times: batches.map((columns) => columns.eventTimeMs.slice()),
    values: new Float64Array(batchRows * log.plan.features.length),
    rounds: 0,
    newestMs: 0,
    batchMsMax: 0,
    eventMsMax: 0,
  };
}

/** Runs the log once more, later than before, and tells of every batch; says how many events that were. */
export function runRound(run: FeatureRun, onBatch?: () => void): number {
  const shiftMs = run.rounds++ * run.log.spanMs;
  run.batches.forEach((columns, batch) => {
    const times = run.times[batch] ?? columns.eventTimeMs;
    for (let r = 0; r < batchRows; r++) columns.eventTimeMs[r] = times[r]! + shiftMs;
    const startMs = performance.now();
    runBatch(run, columns, (run.rounds * run.batches.length + batch) * batchRows);
    run.batchMsMax = Math.max(run.batchMsMax, performance.now() - startMs);
    onBatch?.();
  });
  return run.batches.length * batchRows;
}

function runBatch(run: FeatureRun, columns: EventColumns, firstOffset: number): void {
  const { engine, state, values } = run;
  const { featureCount } = engine;
  let lastMs = performance.now();
  for (let r = 0; r < batchRows; r++) {
    const eventTimeMs = columns.eventTimeMs[r]!;
    const watermarkMs = run.newestMs - outOfOrdernessMs;
    const lateness = eventTimeMs > watermarkMs ? latenesses.onTime : latenesses.late;
    observeRow(engine, state, columns, r, firstOffset + r, lateness, watermarkMs, values, r * featureCount, 'computed');
    if (eventTimeMs > run.newestMs) run.newestMs = eventTimeMs;
    settleRows(engine, state, run.newestMs - outOfOrdernessMs);
    expireWaitingRows(state, run.newestMs - outOfOrdernessMs);
    // A look at the clock costs as much as a tenth of an event: one for 16 events.
    if (r % 16 === 15) lastMs = noteStall(run, lastMs);
  }
  collectSettled(engine, state, run.newestMs - outOfOrdernessMs);
  noteStall(run, lastMs);
}

function noteStall(run: FeatureRun, lastMs: number): number {
  const processingMs = performance.now();
  run.eventMsMax = Math.max(run.eventMsMax, processingMs - lastMs);
  return processingMs;
}

function writeBatches(log: FeatureLog, layout: EventLayout, interner: Interner): EventColumns[] {
  const random = openStream({ seed: 1, name: 'feature log' });
  const tenant = internText(interner, 'tenant', sharedScope);
  const cards = Int32Array.from({ length: log.keys }, (_, card) => internText(interner, `card-${card}`, tenant));
  const merchants = Int32Array.from({ length: 5000 }, (_, one) => internText(interner, `merchant-${one}`, tenant));
  const options = { layout, rowsMax: batchRows, textBytesMax: batchRows * 16 };
  const shared = layOutEvents(
    createColumnSpace(new ArrayBuffer(measureLayout((space) => layOutEvents(space, options)))),
    options,
  );
  for (let r = 0; r < batchRows; r++) {
    new TextEncoder().encodeInto(`event-${r}`.padEnd(12), shared.text.subarray(r * 12));
    shared.eventIdStart[r] = r * 12;
    shared.eventIdEnd[r] = r * 12 + 12;
  }
  shared.counts[countAt.rows] = batchRows;
  shared.tenant.fill(tenant);
  const stepMs = log.spanMs / log.events;
  let event = 0;
  return Array.from({ length: Math.floor(log.events / batchRows) }, () => {
    const columns = {
      ...shared,
      eventTimeMs: new Float64Array(batchRows),
      account: new Int32Array(batchRows),
      numbers: layout.numbers.map(() => new Float64Array(batchRows)),
      texts: layout.texts.map(() => new Int32Array(batchRows)),
    };
    for (let r = 0; r < batchRows; r++) {
      const behindMs = wholeBelow(random, 1000) === 0 ? random() * 60_000 : random() * log.disorderMs;
      columns.eventTimeMs[r] = Math.floor(1e12 + event++ * stepMs - (log.disorderMs === 0 ? 0 : behindMs));
      columns.numbers.forEach((column, index) => {
        column[r] =
          layout.numbers[index] === 'amountMinor' ? 100 + wholeBelow(random, 50_000) : columns.eventTimeMs[r]!;
      });
      const share = log.keyed === 'uniform' ? random() : log.keys ** random() / log.keys;
      const card = cards[Math.min(log.keys - 1, Math.floor(share * log.keys))]!;
      columns.account[r] = card;
      columns.texts.forEach((column, index) => {
        column[r] = layout.texts[index] === 'merchantId' ? merchants[wholeBelow(random, 5000)]! : card;
      });
    }
    return columns;
  });
}
