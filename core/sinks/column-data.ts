import { type Interner, locateText, type TextPlace } from '../decode/interner.ts';

/**
 * The values of one column of a table as a stage has them: typed arrays, of which row r is an element of its own, or one
 * value for all rows. Nothing of it is kept: the arrays may be filled anew after the call that took them.
 */
export type ColumnData =
  /** Numbers, also of truth values: row r is `values[start + r * stride]`. What is not finite is null. */
  | {
      readonly kind: 'numbers';
      readonly values: NumberArray;
      readonly start: number;
      readonly stride: number;
      /** A number that stands for null. */
      readonly nullValue?: number;
    }
  /**
   * Texts by number: row r is the text of `ids[start + r * stride]`. A negative id, and one without a text, is null. The
   * text of an id never changes.
   */
  | {
      readonly kind: 'ids';
      readonly ids: NumberArray;
      readonly start: number;
      readonly stride: number;
      readonly textOf: TextOfId;
    }
  /** Texts as bytes of UTF-8, or bytes: row r is `bytes[starts[r], ends[r])`. */
  | {
      readonly kind: 'spans';
      readonly bytes: Uint8Array;
      readonly starts: Uint32Array;
      readonly ends: Uint32Array;
    }
  /** Hashes as hexadecimal text: row r is `wordsPerRow` words, the most significant first, and the ending of its id. */
  | {
      readonly kind: 'hex';
      readonly words: Uint32Array;
      readonly wordsPerRow: number;
      readonly endings?: { readonly ids: NumberArray; readonly textOf: TextOfId };
    }
  /** The same value in every row, as a `TableRow` has it. */
  | { readonly kind: 'constant'; readonly value: unknown }
  /** Values as a `TableRow` has them. */
  | { readonly kind: 'values'; readonly values: readonly unknown[] };

/** Arrays of numbers that a column may be read from. */
export type NumberArray = Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** Points a place at the text of a number, until the next call; false where there is none. Makes no object. */
export type TextOfId = (id: number, place: TextPlace) => boolean;

/** The texts of an interner by their ids. */
export function internedTexts(interner: Interner): TextOfId {
  return (id, place) => {
    locateText(interner, id, place);
    return true;
  };
}

/** Texts by their place in a list, which may grow. */
export function listedTexts(texts: readonly Uint8Array[]): TextOfId {
  return (number, place) => {
    const bytes = texts[number];
    if (bytes === undefined) return false;
    place.bytes = bytes;
    place.start = 0;
    place.end = bytes.length;
    place.scope = Number.NaN;
    return true;
  };
}

/** Numbers, one a row. */
export function numberColumn(values: NumberArray, nullValue?: number): ColumnData {
  const plain = { kind: 'numbers', values, start: 0, stride: 1 } as const;
  return nullValue === undefined ? plain : { ...plain, nullValue };
}

/** Texts by number, one a row. */
export function idColumn(ids: NumberArray, textOf: TextOfId): ColumnData {
  return { kind: 'ids', ids, start: 0, stride: 1, textOf };
}

/** The same value in every row. */
export function constantColumn(value: unknown): ColumnData {
  return { kind: 'constant', value };
}
