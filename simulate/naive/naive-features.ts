import type { AggregateSpec } from '../../core/engine/entry.ts';
import type { Plan } from '../../core/features/plan.ts';
import { contractOf } from './naive-admission.ts';
import { foldSamples, type NaiveSample } from './naive-aggregate.ts';
import { evaluate, fieldOf, type NaiveValue } from './naive-expression.ts';
import { type AcceptedAuthorization, type AcceptedDispute, labelsOf, refersTo } from './naive-labels.ts';

/** The raw events: authorizations that entered the state and disputes that were accepted, both in log order. */
export type RawEvents = {
  readonly plan: Plan;
  readonly entered: readonly AcceptedAuthorization[];
  readonly disputes: readonly AcceptedDispute[];
  readonly gaveUp: ReadonlySet<AcceptedDispute>;
};

export type Vector = readonly (number | null)[];

/** The values that a decision uses: over the events at or before it in the log, which is all that there are now. */
export function decisionVector(raw: RawEvents, asking: AcceptedAuthorization): Vector {
  return vector(raw, asking, Infinity);
}

/** The settled values: over all events, with the labels that have an event time at or before the asking event's. */
export function settledVector(raw: RawEvents, asking: AcceptedAuthorization): Vector {
  return vector(raw, asking, asking.event.eventTimeMs);
}

/**
 * How often a settled row was revised: by events that entered after it settled and by labels that came after it settled,
 * in any of its windows.
 */
export function revisionOf({ plan, entered, disputes }: RawEvents, row: AcceptedAuthorization): number {
  const atMs = row.event.eventTimeMs;
  const cameAfter = ({ index, stateMs }: { readonly index: number; readonly stateMs: number }) =>
    index > row.index && stateMs >= atMs;
  const byEvents = entered.filter(
    (event) => cameAfter(event) && plan.aggregates.some((spec) => isInside(plan, spec, { row, event })),
  );
  const overLabel = plan.aggregates.filter(({ usesLabel }) => usesLabel);
  const byLabels = disputes.filter((dispute) => {
    if (dispute.fate !== 'applied' || !dispute.carriesLabel || !cameAfter(dispute)) return false;
    const event = entered.find((authorization) => refersTo(dispute.event, authorization.event));
    if (event === undefined || dispute.event.eventTimeMs > atMs) return false;
    return overLabel.some((spec) => isInside(plan, spec, { row, event }));
  });
  return byEvents.length + byLabels.length;
}

function vector(raw: RawEvents, asking: AcceptedAuthorization, labelsUntilMs: number): Vector {
  const { plan } = raw;
  const aggregates = plan.aggregates.map((spec) => aggregateValue(raw, spec, { asking, labelsUntilMs }));
  const columns = plan.rowFields.map((path) => fieldOf(asking.event, path));
  return plan.features.map(({ expression }) => {
    const value = evaluate(expression, { event: asking.event, labelled: false, columns, aggregates });
    return value === null ? null : Number(value);
  });
}

type Asked = { readonly asking: AcceptedAuthorization; readonly labelsUntilMs: number };

/** A too-late event asks as if it had entered, of what is still held of the windows. */
function aggregateValue(raw: RawEvents, spec: AggregateSpec, { asking, labelsUntilMs }: Asked): NaiveValue {
  const { plan, entered } = raw;
  if (keyOf(plan, spec, asking) === null) return null;
  const oldestMs = asking.status === 'tooLate' ? heldSinceMs(plan, spec, asking.stateMs) : -Infinity;
  const held = entered.filter(({ event }) => event.eventTimeMs > oldestMs);
  const window = [...held, ...(asking.status === 'tooLate' ? [asking] : [])]
    .filter((event) => isInside(plan, spec, { row: asking, event }))
    .toSorted((left, right) => left.event.eventTimeMs - right.event.eventTimeMs || left.index - right.index);
  const columnOf = (event: AcceptedAuthorization, column: number) => columnValue(raw, column, { event, labelsUntilMs });
  const isOther = (event: AcceptedAuthorization) => event !== asking;
  const { sinceLast, where, input } = spec;
  const restart = window.findLastIndex(
    (event) => sinceLast !== null && isOther(event) && columnOf(event, sinceLast) === 1,
  );
  const samples = window
    .slice(restart + 1)
    .filter((event) => !spec.excludeSelf || isOther(event))
    .filter((event) => where === null || columnOf(event, where) === 1)
    .map((event): NaiveSample => ({
      eventTimeMs: event.event.eventTimeMs,
      value: input === null ? 1 : columnOf(event, input),
    }));
  return foldSamples(
    spec.kind,
    samples.filter(({ value }) => value !== null),
    asking.event.eventTimeMs,
  );
}

/** Same tenant, same key, and `t - d - w < eventTimeMs <= t - d`. */
function isInside(
  plan: Plan,
  spec: AggregateSpec,
  { row, event }: { readonly row: AcceptedAuthorization; readonly event: AcceptedAuthorization },
): boolean {
  const untilMs = row.event.eventTimeMs - spec.delayedByMs;
  const { eventTimeMs, tenantId } = event.event;
  if (eventTimeMs > untilMs || eventTimeMs <= untilMs - spec.overMs) return false;
  const key = keyOf(plan, spec, row);
  return key !== null && tenantId === row.event.tenantId && key === keyOf(plan, spec, event);
}

function keyOf(plan: Plan, spec: AggregateSpec, { event }: AcceptedAuthorization): NaiveValue {
  return fieldOf(event, plan.keys[spec.key] ?? '');
}

function columnValue(
  raw: RawEvents,
  column: number,
  { event, labelsUntilMs }: { readonly event: AcceptedAuthorization; readonly labelsUntilMs: number },
): NaiveValue {
  const expression = raw.plan.windowColumns[column];
  if (expression === undefined) throw new RangeError(`got column ${column}, expected one of the plan`);
  const labels = raw.plan.label === null ? [] : labelsOf(raw.disputes, event, raw.gaveUp);
  const labelled = labels.some((dispute) => dispute.event.eventTimeMs <= labelsUntilMs);
  return evaluate(expression, { event: event.event, labelled, columns: [], aggregates: [] });
}

/** Nothing at or before this time is held for a key: its widest window ended before what can still be late. */
function heldSinceMs(plan: Plan, spec: AggregateSpec, stateMs: number): number {
  const sameKey = plan.aggregates.filter(({ key }) => key === spec.key);
  const reachMs = Math.max(...sameKey.map(({ overMs, delayedByMs }) => overMs + delayedByMs));
  return stateMs - contractOf(plan.topic).allowedLatenessMs - reachMs;
}
