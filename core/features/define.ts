import type { Contract, Label } from '../contract/contract.ts';
import { fieldKinds } from '../contract/fields.ts';
import { compilePlan, type FeatureSet } from './plan.ts';
import { booleanTerm, call, nodeOf, numberTerm, textTerm } from './term.ts';
import type { BooleanTerm, Level, NumberTerm, Term, TextTerm } from './term.ts';

export { avg, count, countDistinct, first, last, max, median, min, share } from './aggregates.ts';
export { quantile, sinceFirstMs, sinceLastMs, stddev, sum } from './aggregates.ts';

/** The fields of an event as terms, labels included. */
export type EventTerms<Event, Labels> = FieldTerms<Event> & {
  readonly [Name in keyof Labels as string extends Name ? never : Name]: BooleanTerm<'event', KnownAfter<Labels[Name]>>;
};

/**
 * Defines features over a contract's events:
 * `count().by(payment.accountId).over('7d')`, `share(payment.isFraud).by(payment.terminalId).over('7d').delayedBy('7d')`.
 * Throws when a name, a field, a window or a delay is wrong, naming the feature.
 */
export function defineFeatures<
  Event,
  const Labels extends Readonly<Record<string, Label>>,
  Terms extends Readonly<Record<string, Feature>>,
>(definition: {
  readonly name: string;
  readonly version: number;
  readonly on: Contract<Event> & { readonly labels?: Labels };
  features(payment: EventTerms<Event, Labels>): Terms;
}): FeatureSet {
  const terms = definition.features(eventTerms<Event, Labels>(definition.on));
  return compilePlan({ name: definition.name, version: definition.version, contract: definition.on, terms });
}

/** What a definition may name: a number or a truth value that is known now. */
export type Feature = NumberTerm<Level, 'now'> | BooleanTerm<Level, 'now'>;

/** Hour 0 to 23 of an event time, UTC. */
export const hourOfDay = <L extends Level, K extends string>(timeMs: NumberTerm<L, K>): NumberTerm<L, K> =>
  numberTerm(call('hourOfDay', 'number', [timeMs.node]));
/** ISO day of the week of an event time, Monday 1 to Sunday 7, UTC. */
export const dayOfWeek = <L extends Level, K extends string>(timeMs: NumberTerm<L, K>): NumberTerm<L, K> =>
  numberTerm(call('dayOfWeek', 'number', [timeMs.node]));
/** The absolute value. */
export const abs = <L extends Level, K extends string>(value: NumberTerm<L, K>): NumberTerm<L, K> =>
  numberTerm(call('abs', 'number', [value.node]));
/** The square root; null of a negative number. */
export const sqrt = <L extends Level, K extends string>(value: NumberTerm<L, K>): NumberTerm<L, K> =>
  numberTerm(call('sqrt', 'number', [value.node]));
/** The natural logarithm; null of 0 and of a negative number. */
export const ln = <L extends Level, K extends string>(value: NumberTerm<L, K>): NumberTerm<L, K> =>
  numberTerm(call('ln', 'number', [value.node]));
/** One value or the other; a condition that is null or false chooses `ifNot`. */
export const choose = <L extends Level, K extends string>(
  condition: BooleanTerm<L, K>,
  values: { readonly ifTrue: NumberTerm<L, K> | number; readonly ifNot: NumberTerm<L, K> | number },
): NumberTerm<L, K> =>
  numberTerm(call('choose', 'number', [condition.node, nodeOf(values.ifTrue), nodeOf(values.ifNot)]));

/** `(value - mean) / deviation`; null where the deviation is 0 or missing. */
export const zScore = <L extends Level>(
  value: NumberTerm<Level, 'now'>,
  normal: { readonly mean: NumberTerm<L, 'now'>; readonly deviation: NumberTerm<L, 'now'> },
): NumberTerm<Level, 'now'> => value.minus(normal.mean).dividedBy(normal.deviation);

type Place<L extends Level> = {
  readonly latitude: NumberTerm<L, 'now'>;
  readonly longitude: NumberTerm<L, 'now'>;
};

/** Kilometres along the Earth between two places in degrees; null where one is missing. */
export const distanceKm = (from: Place<Level>, to: Place<Level>): NumberTerm<Level, 'now'> =>
  numberTerm(
    call('distanceKm', 'number', [from.latitude.node, from.longitude.node, to.latitude.node, to.longitude.node]),
  );

type KnownAfter<L> = L extends { readonly knownAfter: infer K extends string } ? K : never;

/** The fields of an event as terms. */
export type FieldTerms<Event> = {
  readonly [Field in keyof Event & string]-?: FieldTerm<NonNullable<Event[Field]>>;
};

type FieldTerm<T> = [T] extends [number]
  ? NumberTerm<'event', 'now'>
  : [T] extends [string]
    ? TextTerm<'event', 'now'>
    : [T] extends [boolean]
      ? BooleanTerm<'event', 'now'>
      : FieldTerms<T>;

type TermTree = { [name: string]: Term<'event', string> | TermTree };

/**
 * The terms of a contract's fields; a name that it does not have throws, as definitions run without a type check too. The
 * prefix, such as `left.`, goes before every path where an expression reads several events.
 */
export function fieldTerms<Event>(contract: Contract<Event>, prefix = ''): FieldTerms<Event> {
  return guarded(fieldTree(contract, prefix), contract.topic) as FieldTerms<Event>;
}

/** The terms of a contract's fields and labels. */
function eventTerms<Event, Labels>(contract: Contract<Event>): EventTerms<Event, Labels> {
  const tree = fieldTree(contract, '');
  for (const name of Object.keys(contract.labels ?? {})) {
    tree[name] = booleanTerm({ op: 'label', name, result: 'boolean' });
  }
  return guarded(tree, contract.topic) as EventTerms<Event, Labels>;
}

function fieldTree(contract: Contract, prefix: string): TermTree {
  const tree: TermTree = {};
  for (const [path, { kind }] of fieldKinds(contract)) {
    const node = { op: 'field', path: prefix + path, result: kind } as const;
    const term = kind === 'number' ? numberTerm : kind === 'text' ? textTerm : booleanTerm;
    plant(tree, path.split('.'), term<'event', 'now'>(node));
  }
  return tree;
}

function plant(tree: TermTree, path: readonly string[], term: Term<'event', string>): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    tree[name] = term;
    return;
  }
  const branch = (tree[name] ??= {});
  if (!('node' in branch)) plant(branch, rest, term);
}

function guarded(tree: TermTree, topic: string): TermTree {
  for (const [name, branch] of Object.entries(tree)) {
    if (!('node' in branch)) tree[name] = guarded(branch, `${topic}, ${name}`);
  }
  return new Proxy(tree, {
    get(target, name) {
      if (typeof name === 'symbol' || Object.hasOwn(target, name)) return Reflect.get(target, name) as unknown;
      throw new Error(`got the unknown field ${name} of ${topic}, expected one of ${Object.keys(target).join(', ')}`);
    },
  });
}
