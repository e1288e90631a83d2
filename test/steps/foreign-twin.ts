import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import { disputeContract } from '../../core/contract/dispute.ts';
import type { Value } from '../../core/engine/aggregate.ts';
import { createKeyState, insertEntry, type KeyState } from '../../core/engine/keyed-window.ts';
import type { Entry } from '../../core/engine/entry.ts';
import { readAggregate } from '../../core/engine/window.ts';
import { labelKeyOf } from '../../core/features/state.ts';
import { createFeatureEngine, type FeatureEngine } from '../../core/features/engine.ts';
import type { ForeignKey } from '../../core/features/foreign-plan.ts';
import { eventStartOf, readHead } from '../../core/steps/repartition-record.ts';

/** What the records of a repartition topic say, read one by one into plain lists: the slow twin of a key's owner. */
export type Routed = {
  /** By key, its events in the order of the topic. */
  readonly byKey: ReadonlyMap<string, readonly RoutedPayment[]>;
  readonly payments: readonly RoutedPayment[];
  readonly labels: number;
  readonly copies: number;
};

export type RoutedPayment = {
  readonly key: string;
  readonly event: Authorization;
  readonly offset: number;
  /** What its decision used of the key's features. */
  readonly decided: readonly (number | null)[];
  /** Its labels: where the topic has each, and its event time. */
  readonly labels: { readonly offset: number; readonly timeMs: number }[];
};

type TopicRecord = { readonly offset: number; readonly value: Uint8Array | null };

/** Reads records; of one source position the first counts. */
export function readRouted(records: readonly TopicRecord[]): Routed {
  const byKey = new Map<string, RoutedPayment[]>();
  const byId = new Map<string, RoutedPayment>();
  const seen = new Set<string>();
  let labels = 0;
  let copies = 0;
  for (const { value, offset } of records) {
    const bytes = value ?? new Uint8Array();
    const head = readHead(bytes, 0, bytes.length);
    if (head.kind === 'control') continue;
    const body: unknown = JSON.parse(Buffer.from(bytes.subarray(eventStartOf(bytes, 0))).toString());
    const dispute = disputeContract.schema.safeParse(body);
    const source = `${head.sourcePartition} ${head.sourceOffset} ${dispute.success}`;
    if (seen.has(source)) copies++;
    if (seen.has(source)) continue;
    seen.add(source);
    if (dispute.success) {
      labels++;
      byId
        .get(labelKeyOf({ ...dispute.data, eventId: dispute.data.authorizationId }))
        ?.labels.push({ offset, timeMs: dispute.data.eventTimeMs });
      continue;
    }
    const event = authorizationContract.schema.parse(body);
    const data = new DataView(bytes.buffer, bytes.byteOffset);
    const decided = Array.from({ length: head.values }, (_, index) => data.getFloat64(40 + index * 8, true));
    const first = Number.isFinite(head.labelTimeMs) ? [{ offset, timeMs: head.labelTimeMs }] : [];
    const payment = { key: head.key, event, offset, decided: decided.map(nullIfMissing), labels: first };
    byId.set(labelKeyOf(event), payment);
    byKey.set(head.key, [...(byKey.get(head.key) ?? []), payment]);
  }
  return { byKey, payments: [...byId.values()], labels, copies };
}

/** What a key's features say at a time: over what the topic held up to an offset, or over everything as settled. */
export function featuresAt(
  { plan }: ForeignKey,
  asked: {
    readonly payments: readonly RoutedPayment[];
    /** The event that asks, for the fields that features read. */
    readonly event: Authorization;
    readonly timeMs: number;
    readonly untilOffset: number;
    /** Windows are read at this time, and times since an event go on until `timeMs`. */
    readonly momentMs: number;
    readonly mode: 'decision' | 'settled';
  },
): readonly (number | null)[] {
  const engine = createFeatureEngine(plan, 60_000);
  const { event, timeMs, untilOffset, momentMs, mode } = asked;
  const state = createKeyState();
  for (const payment of asked.payments) {
    if (payment.offset <= untilOffset) insertEntry(state, entryOf(engine, payment, untilOffset));
  }
  // A decision is made before its event comes to the windows; a settled value knows its event among the others.
  const offset = mode === 'decision' ? -1 : (asked.payments.find((one) => one.event === event)?.offset ?? -1);
  const self = { eventTimeMs: momentMs, offset, values: [], labelled: [], labelTimeMs: Number.POSITIVE_INFINITY };
  const asking = { timeMs: momentMs, self, mode, selfIs: 'inside' as const, horizonMs: Number.NEGATIVE_INFINITY };
  const aggregates = plan.aggregates.map((spec, index): Value => {
    const value = readAt(engine, state, { index, asking });
    const isSince = spec.kind === 'sinceFirstMs' || spec.kind === 'sinceLastMs';
    return isSince && typeof value === 'number' ? value + Math.max(0, timeMs - momentMs) : value;
  });
  const fields = engine.rowFields.map((read) => read(event));
  return engine.features.map((feature) => {
    const value = feature({ fields, aggregates });
    return typeof value === 'string' ? Number.NaN : value;
  });
}

function readAt(
  engine: FeatureEngine,
  state: KeyState,
  { index, asking }: { readonly index: number; readonly asking: Parameters<typeof readAggregate>[3] },
): Value {
  return readAggregate(engine.windows, state, index, asking);
}

function entryOf(engine: FeatureEngine, { event, offset, labels }: RoutedPayment, untilOffset: number): Entry {
  const known = labels.filter((label) => label.offset <= untilOffset).map(({ timeMs }) => timeMs);
  const values = (labelled: 0 | 1): Value[] => engine.windowColumns.map((column) => column({ event, labelled }));
  return {
    eventTimeMs: event.eventTimeMs,
    offset,
    values: values(0),
    labelled: values(1),
    labelTimeMs: Math.min(Number.POSITIVE_INFINITY, ...known),
  };
}

/** The moment of a view that was made at a time, as its owner chooses moments; `changes` are those of its windows. */
export function momentOf(
  { plan }: ForeignKey,
  view: { readonly madeMs: number; readonly timeMs: number; readonly times: readonly number[] },
): number {
  const { madeMs, timeMs, times } = view;
  const windows = plan.aggregates.map(({ overMs, delayedByMs }) => [delayedByMs, delayedByMs + overMs] as const);
  const changes = new Set(times.flatMap((at) => windows.flat().map((by) => at + by)).filter((at) => at > madeMs));
  if (changes.size < 32) return Math.max(madeMs, timeMs);
  const reachMs = Math.max(...windows.map(([, end]) => end));
  let step = Math.ceil(Math.min(...plan.aggregates.map(({ overMs }) => overMs)) / 16);
  let momentMs = madeMs;
  for (; step < reachMs && madeMs + step <= timeMs; step = Math.ceil(step * 1.5)) momentMs = madeMs + step;
  return madeMs + reachMs <= timeMs ? madeMs + reachMs : momentMs;
}

function nullIfMissing(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
