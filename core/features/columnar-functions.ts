import { scopeOf, textOf, type Interner } from '../decode/interner.ts';
import { rowFunctions } from './row-functions.ts';

/** What generated code calls: the row functions over columns, where NaN is null and -1 a missing text. */
export type ColumnarFunctions = ReturnType<typeof createColumnarFunctions>;

const dayMs = 86_400_000;
const pageBits = 12;

/**
 * The functions of a row, over numbers and ids of texts. A constant text has the id `-2 - index` into `constants`, so
 * that it needs no interner.
 */
export function createColumnarFunctions(interner: Interner, constants: readonly string[]) {
  const textAt = (id: number): string => (id < -1 ? constants[-2 - id]! : textOf(interner, id));
  const isConstant = constants.map((constant) => memoise((id) => textOf(interner, id) === constant));
  return {
    finite,
    above: (left: number, right: number): number => compared(left, right, left > right),
    below: (left: number, right: number): number => compared(left, right, left < right),
    atLeast: (left: number, right: number): number => compared(left, right, left >= right),
    atMost: (left: number, right: number): number => compared(left, right, left <= right),
    equals: (left: number, right: number): number => compared(left, right, left === right),
    /** Ids of one scope are equal as their texts are; those of two scopes are compared by text. */
    equalTexts: (left: number, right: number): number => {
      if (left === -1 || right === -1) return Number.NaN;
      if (left === right) return 1;
      const isComparable = left >= 0 && right >= 0 && scopeOf(interner, left) === scopeOf(interner, right);
      return isComparable ? 0 : Number(textAt(left) === textAt(right));
    },
    equalsConstant: (index: number, id: number): number => (id === -1 ? Number.NaN : isConstant[index]!(id)),
    hourOfDay: (timeMs: number): number => finite(Math.floor(floorModulo(timeMs, dayMs) / 3_600_000)),
    dayOfWeek: (timeMs: number): number => finite(floorModulo(Math.floor(timeMs / dayMs) + 3, 7) + 1),
    distanceKm: (fromLatitude: number, fromLongitude: number, toLatitude: number, toLongitude: number): number => {
      const place = [fromLatitude, fromLongitude, toLatitude, toLongitude];
      return place.some(Number.isNaN) ? Number.NaN : Number(rowFunctions.distanceKm(place) ?? Number.NaN);
    },
  };
}

/** A result that is not finite is null. */
function finite(value: number): number {
  return value - value === 0 ? value : Number.NaN;
}

function compared(left: number, right: number, holds: boolean): number {
  return left !== left || right !== right ? Number.NaN : holds ? 1 : 0;
}

function floorModulo(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus;
}

/** Remembers a predicate's answers by id: 0 in a page is not known yet, then the answer plus 1. */
function memoise(predicate: (id: number) => boolean): (id: number) => 0 | 1 {
  const pages: Uint8Array[] = [];
  return (id) => {
    const page = (pages[id >> pageBits] ??= new Uint8Array(2 ** pageBits));
    const slot = id & (2 ** pageBits - 1);
    if (page[slot] === 0) page[slot] = predicate(id) ? 2 : 1;
    return page[slot] === 2 ? 1 : 0;
  };
}
