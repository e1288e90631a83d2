import type { Value } from '../engine/aggregate.ts';

type RowFunction = (args: readonly Value[]) => Value;

/** The functions of a row: what may come before an aggregate, within one event, and after it. Booleans are 0 and 1. */
export const rowFunctions = {
  plus: strict(([left, right]) => left + right),
  minus: strict(([left, right]) => left - right),
  times: strict(([left, right]) => left * right),
  dividedBy: strict(([left, right]) => (right === 0 ? null : left / right)),
  above: strict(([left, right]) => Number(left > right)),
  below: strict(([left, right]) => Number(left < right)),
  atLeast: strict(([left, right]) => Number(left >= right)),
  atMost: strict(([left, right]) => Number(left <= right)),
  equals: ([left = null, right = null]) => (left === null || right === null ? null : Number(left === right)),
  isOneOf: ([value = null, ...list]) => (value === null ? null : Number(list.includes(value))),
  isMissing: ([value = null]) => Number(value === null),
  orElse: ([value = null, fallback = null]) => value ?? fallback,
  choose: ([condition = null, ifTrue = null, ifNot = null]) => (condition === 1 ? ifTrue : ifNot),
  and: (args) => (args.includes(0) ? 0 : args.includes(null) ? null : 1),
  or: (args) => (args.includes(1) ? 1 : args.includes(null) ? null : 0),
  not: strict(([value]) => 1 - value),
  abs: strict(([value]) => Math.abs(value)),
  sqrt: strict(([value]) => (value < 0 ? null : Math.sqrt(value))),
  ln: strict(([value]) => (value <= 0 ? null : Math.log(value))),
  /** Hour 0 to 23, UTC. */
  hourOfDay: strict(([timeMs]) => Math.floor(floorModulo(timeMs, dayMs) / 3_600_000)),
  /** Monday is 1, Sunday is 7 (ISO 8601), UTC; the epoch was a Thursday. */
  dayOfWeek: strict(([timeMs]) => floorModulo(Math.floor(timeMs / dayMs) + 3, 7) + 1),
  /** Great-circle distance in kilometres between (latitude, longitude) pairs in degrees. */
  distanceKm: strict(([fromLatitude, fromLongitude, toLatitude, toLongitude]) =>
    haversineKm({ fromLatitude, fromLongitude, toLatitude, toLongitude }),
  ),
} as const satisfies Readonly<Record<string, RowFunction>>;

export type RowFunctionName = keyof typeof rowFunctions;

const dayMs = 86_400_000;
const earthRadiusKm = 6_371.0088;

/** Null as soon as an argument is null or no number, and null for a result that is not finite: never NaN. */
function strict(compute: (args: readonly [number, number, number, number]) => number | null): RowFunction {
  return ([first = 0, second = 0, third = 0, fourth = 0]) => {
    if (typeof first !== 'number' || typeof second !== 'number') return null;
    if (typeof third !== 'number' || typeof fourth !== 'number') return null;
    const result = compute([first, second, third, fourth]);
    return result !== null && Number.isFinite(result) ? result : null;
  };
}

function floorModulo(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus;
}

type Pair = Record<'fromLatitude' | 'fromLongitude' | 'toLatitude' | 'toLongitude', number>;

/** Haversine formula, https://en.wikipedia.org/wiki/Haversine_formula, on a sphere of the mean Earth radius (IUGG). */
function haversineKm({ fromLatitude, fromLongitude, toLatitude, toLongitude }: Pair): number {
  const radians = Math.PI / 180;
  const latitudeSine = Math.sin(((toLatitude - fromLatitude) * radians) / 2);
  const longitudeSine = Math.sin(((toLongitude - fromLongitude) * radians) / 2);
  const cosines = Math.cos(fromLatitude * radians) * Math.cos(toLatitude * radians);
  const chord = Math.min(1, latitudeSine ** 2 + cosines * longitudeSine ** 2);
  return 2 * earthRadiusKm * Math.asin(Math.sqrt(chord));
}
