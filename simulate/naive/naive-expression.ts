import type { Expression } from '../../core/features/plan.ts';

/** A number, a text, or null for what is missing; true is 1 and false is 0. */
export type NaiveValue = number | string | null;

/** What the leaves of an expression stand for. */
export type Leaves = {
  readonly event: object;
  readonly labelled: boolean;
  readonly columns: readonly NaiveValue[];
  readonly aggregates: readonly NaiveValue[];
};

/** Walks an expression's tree. */
export function evaluate(expression: Expression, leaves: Leaves): NaiveValue {
  switch (expression.op) {
    case 'field':
      return fieldOf(leaves.event, expression.path);
    case 'label':
      return leaves.labelled ? 1 : 0;
    case 'constant':
      return expression.value;
    case 'column':
      return leaves.columns[expression.index] ?? null;
    case 'aggregate':
      return leaves.aggregates[expression.index] ?? null;
    case 'call':
      return apply(
        expression.name,
        expression.args.map((arg) => evaluate(arg, leaves)),
      );
  }
}

/** The value at a dotted path. */
export function fieldOf(event: object, path: string): NaiveValue {
  let value: unknown = event;
  for (const name of path.split('.'))
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : null;
  if (value === true) return 1;
  if (value === false) return 0;
  return typeof value === 'number' || typeof value === 'string' ? value : null;
}

/** Functions that take nulls, then those that are null as soon as an argument is. */
function apply(name: string, args: readonly NaiveValue[]): NaiveValue {
  const [first = null, second = null, third = null] = args;
  switch (name) {
    case 'isMissing':
      return first === null ? 1 : 0;
    case 'orElse':
      return first === null ? second : first;
    case 'choose':
      return first === 1 ? second : third;
    case 'and':
      return args.some((arg) => arg === 0) ? 0 : args.some((arg) => arg === null) ? null : 1;
    case 'or':
      return args.some((arg) => arg === 1) ? 1 : args.some((arg) => arg === null) ? null : 0;
  }
  if (first === null || second === null) return args.includes(null) ? null : applyToOne(name, Number(first));
  if (name === 'equals') return first === second ? 1 : 0;
  if (name === 'isOneOf') return args.slice(1).includes(first) ? 1 : 0;
  return args.includes(null) ? null : applyToNumbers(name, args.map(Number));
}

function applyToOne(name: string, value: number): NaiveValue {
  const date = new Date(value);
  switch (name) {
    case 'not':
      return value === 1 ? 0 : 1;
    case 'abs':
      return value < 0 ? -value : value;
    case 'sqrt':
      return value < 0 ? null : Math.sqrt(value);
    case 'ln':
      return value > 0 ? Math.log(value) : null;
    case 'hourOfDay':
      return date.getUTCHours();
    case 'dayOfWeek':
      return date.getUTCDay() === 0 ? 7 : date.getUTCDay();
  }
  throw new Error(`got the function ${name} of one value, expected one of the definition language`);
}

function applyToNumbers(name: string, args: readonly number[]): NaiveValue {
  const [left = 0, right = 0, toLatitude = 0, toLongitude = 0] = args;
  switch (name) {
    case 'plus':
      return left + right;
    case 'minus':
      return left - right;
    case 'times':
      return left * right;
    case 'dividedBy':
      return right === 0 ? null : left / right;
    case 'above':
      return left > right ? 1 : 0;
    case 'below':
      return left < right ? 1 : 0;
    case 'atLeast':
      return left >= right ? 1 : 0;
    case 'atMost':
      return left <= right ? 1 : 0;
    case 'distanceKm':
      return distanceKm([left, right], [toLatitude, toLongitude]);
  }
  throw new Error(`got the function ${name}, expected one of the definition language`);
}

/** Vincenty's formula for a sphere, which is good at any distance (https://en.wikipedia.org/wiki/Great-circle_distance). */
function distanceKm(from: readonly [number, number], to: readonly [number, number]): number {
  const [fromLatitude, fromLongitude] = from.map((degrees) => (degrees / 180) * Math.PI);
  const [toLatitude, toLongitude] = to.map((degrees) => (degrees / 180) * Math.PI);
  if (fromLatitude === undefined || fromLongitude === undefined) return Number.NaN;
  if (toLatitude === undefined || toLongitude === undefined) return Number.NaN;
  const { sin, cos } = Math;
  const turn = toLongitude - fromLongitude;
  const across = cos(toLatitude) * sin(turn);
  const along = cos(fromLatitude) * sin(toLatitude) - sin(fromLatitude) * cos(toLatitude) * cos(turn);
  const towards = sin(fromLatitude) * sin(toLatitude) + cos(fromLatitude) * cos(toLatitude) * cos(turn);
  return 6371.0088 * Math.atan2(Math.hypot(across, along), towards);
}
