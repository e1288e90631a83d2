import type { Duration } from '../contract/duration.ts';
import { bucketScale } from '../engine/dd-sketch.ts';
import { createHyperLogLog, precisionDefault } from '../engine/hyper-log-log.ts';
import { numberTerm, textTerm } from './term.ts';
import type { AggregateNode, BooleanTerm, Node, NumberTerm, ResultKind, Term, TextTerm } from './term.ts';

type Result = 'number' | 'text';

/** An aggregate without its key: `count()`, `sum(payment.amountMinor)`. */
export interface Aggregate<R extends Result, K extends string> {
  readonly node: AggregateNode;
  readonly known?: K;
  readonly resultKind?: R;
  /** Only events where the condition is true. */
  where<K2 extends string>(condition: BooleanTerm<'event', K2>): Aggregate<R, K | K2>;
  /** Over the events that share this field with the one that asks. */
  by(key: TextTerm<'event', 'now'>): KeyedAggregate<R, K>;
}

/** An aggregate that knows its key and wants its window. */
export interface KeyedAggregate<R extends Result, K extends string> {
  /** The window opens after the last event, the asking one left out, where the condition is true. */
  sinceLast<K2 extends string>(condition: BooleanTerm<'event', K2>): KeyedAggregate<R, K | K2>;
  /** The window's length: events with `t - d - w < eventTimeMs <= t - d`. */
  over(window: Duration): [K] extends ['now'] ? Windowed<R> : LabelWindow<R, Exclude<K, 'now'>>;
}

/** An aggregate over a label: it is no value before its delay is at least the label's. */
export interface LabelWindow<R extends Result, K extends string> {
  delayedBy<D extends Duration>(delay: D, ...soonerThanTheLabelIsKnown: NotSooner<D, K>): Windowed<R>;
}

/** An aggregate over a window: a value, that can still be delayed or told to leave out the asking event. */
export type Windowed<R extends Result> = (R extends 'number'
  ? NumberTerm<'feature', 'now'>
  : TextTerm<'feature', 'now'>) &
  WindowChanges<R>;

interface WindowChanges<R extends Result> {
  /** The window ends this long before the asking event. */
  delayedBy(delay: Duration): Windowed<R>;
  /** Leaves the asking event out of its own window. */
  excludingItself(): Windowed<R>;
}

/** How many events. */
export const count = (): Aggregate<'number', 'now'> => aggregate('count', null);
/** The sum; 0 over no events. Exact for integers. */
export const sum = <K extends string>(input: NumberTerm<'event', K>): Aggregate<'number', K> => aggregate('sum', input);
/** The mean; null over no events. */
export const avg = <K extends string>(input: NumberTerm<'event', K>): Aggregate<'number', K> => aggregate('avg', input);
/** The smallest; null over no events. */
export const min = <K extends string>(input: NumberTerm<'event', K>): Aggregate<'number', K> => aggregate('min', input);
/** The largest; null over no events. */
export const max = <K extends string>(input: NumberTerm<'event', K>): Aggregate<'number', K> => aggregate('max', input);
/** The population standard deviation; null over no events. */
export const stddev = <K extends string>(input: NumberTerm<'event', K>): Aggregate<'number', K> =>
  aggregate('stddev', input);
/** The median; of an even number the mean of the middle two; null over no events. */
export const median = <K extends string>(input: NumberTerm<'event', K>): Aggregate<'number', K> =>
  aggregate('median', input);
/**
 * How many different values: exactly, or where `approximate` says so within a standard error of 1.04 / sqrt(2^precision)
 * in bounded memory, for panes only. `precision` is 4 to 16; 12 (1.6 %) without one.
 */
export function countDistinct<K extends string>(
  input: NumberTerm<'event', K> | TextTerm<'event', K>,
  how?: { readonly approximate: true; readonly precision?: number },
): Aggregate<'number', K> {
  if (how === undefined) return aggregate('countDistinct', input);
  const accuracy = createHyperLogLog(how.precision ?? precisionDefault).precision;
  return aggregate('approximateCountDistinct', input, { accuracy });
}
/**
 * The value at rank `floor(quantile * (count - 1))`, within a relative accuracy, 0.01 without one; null over no events. For
 * panes only. `quantile` is 0 to 1: 0.99 is the 99th percentile.
 */
export function quantile<K extends string>(
  input: NumberTerm<'event', K>,
  rank: number,
  { relativeAccuracy = 0.01 }: { readonly relativeAccuracy?: number } = {},
): Aggregate<'number', K> {
  if (!(rank >= 0 && rank <= 1)) throw new Error(`got the quantile ${rank}, expected 0 to 1, such as 0.99`);
  const accuracy = bucketScale(relativeAccuracy).relativeAccuracy;
  return aggregate('quantile', input, { quantile: rank, accuracy });
}
/** The share of events where the condition is true, 0 to 1; null over no events. */
export const share = <K extends string>(condition: BooleanTerm<'event', K>): Aggregate<'number', K> =>
  aggregate('avg', condition);
/** The first value, by (time, offset). */
export function first<K extends string>(input: NumberTerm<'event', K>): Aggregate<'number', K>;
export function first<K extends string>(input: TextTerm<'event', K>): Aggregate<'text', K>;
export function first<K extends string>(input: Term<'event', K>): Aggregate<Result, K> {
  return aggregate('first', input);
}
/** The last value, by (time, offset); the asking event's own unless it is left out. */
export function last<K extends string>(input: NumberTerm<'event', K>): Aggregate<'number', K>;
export function last<K extends string>(input: TextTerm<'event', K>): Aggregate<'text', K>;
export function last<K extends string>(input: Term<'event', K>): Aggregate<Result, K> {
  return aggregate('last', input);
}
/** Milliseconds since the window's first event. */
export const sinceFirstMs = (): Aggregate<'number', 'now'> => aggregate('sinceFirstMs', null);
/** Milliseconds since the previous event in the window, never the asking one; a peer of the same time gives 0. */
export const sinceLastMs = (): Aggregate<'number', 'now'> => aggregate('sinceLastMs', null);

const expectedInputs: Readonly<Record<AggregateNode['kind'], readonly ResultKind[]>> = {
  count: [],
  sinceFirstMs: [],
  sinceLastMs: [],
  sum: ['number'],
  avg: ['number', 'boolean'],
  min: ['number'],
  max: ['number'],
  stddev: ['number'],
  median: ['number'],
  countDistinct: ['number', 'text'],
  approximateCountDistinct: ['number', 'text'],
  quantile: ['number'],
  first: ['number', 'text'],
  last: ['number', 'text'],
};

function aggregate<R extends Result, K extends string>(
  kind: AggregateNode['kind'],
  input: Term<'event', K> | null,
  sketch: Partial<Pick<AggregateNode, 'quantile' | 'accuracy'>> = {},
): Aggregate<R, K> {
  const expected = expectedInputs[kind];
  if (input !== null && !expected.includes(input.node.result)) {
    throw new Error(`got ${kind} over a ${input.node.result}, expected a ${expected.join(' or a ')}`);
  }
  return unkeyed({
    op: 'aggregate',
    kind,
    quantile: sketch.quantile ?? null,
    accuracy: sketch.accuracy ?? null,
    input: input?.node ?? null,
    where: null,
    by: null,
    over: null,
    delayedBy: null,
    sinceLast: null,
    excludeSelf: kind === 'sinceLastMs',
    result: input?.node.result === 'text' && (kind === 'first' || kind === 'last') ? 'text' : 'number',
  });
}

function unkeyed<R extends Result, K extends string>(node: AggregateNode): Aggregate<R, K> {
  return {
    node,
    where: (condition) => unkeyed({ ...node, where: both(node.where, condition.node) }),
    by: (key) => keyed({ ...node, by: key.node }),
  };
}

function keyed<R extends Result, K extends string>(node: AggregateNode): KeyedAggregate<R, K> {
  const over = (window: Duration): Windowed<R> => windowed({ ...node, over: window });
  // A window over a label offers delayedBy alone to the compiler; it is the same object.
  return {
    sinceLast: (condition) => keyed({ ...node, sinceLast: condition.node }),
    over: over as KeyedAggregate<R, K>['over'],
  };
}

/** `R` is what the node says its result is; the compiler cannot follow that, so the two signatures say it. */
function windowed<R extends Result>(node: AggregateNode): Windowed<R>;
function windowed(node: AggregateNode): Windowed<'number'> | Windowed<'text'> {
  return node.result === 'text'
    ? { ...textTerm(node), ...windowChanges<'text'>(node) }
    : { ...numberTerm(node), ...windowChanges<'number'>(node) };
}

function windowChanges<R extends Result>(node: AggregateNode): WindowChanges<R> {
  return {
    delayedBy: (delay) => windowed({ ...node, delayedBy: delay }),
    excludingItself: () => windowed({ ...node, excludeSelf: true }),
  };
}

function both(left: Node | null, right: Node): Node {
  return left === null ? right : { op: 'call', name: 'and', args: [left, right], result: 'boolean' };
}

type NotSooner<D extends string, K extends string> =
  AtLeast<D, K> extends true ? [] : [`a delay of ${D} is shorter than ${K}, when the label is known`];

/** Days against days; a label's delay in another unit does not compile. */
type AtLeast<D extends string, K extends string> = D extends `${infer A extends number}d`
  ? K extends `${infer B extends number}d`
    ? Days<A> extends [...Days<B>, ...unknown[]]
      ? true
      : false
    : false
  : false;

type Days<N extends number, Counted extends unknown[] = []> = Counted['length'] extends N
  ? Counted
  : Counted['length'] extends 400
    ? never
    : Days<N, [...Counted, unknown]>;
