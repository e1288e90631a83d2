import type { AggregateSpec } from '../engine/entry.ts';

/**
 * What the windows of a key say at several moments from its last change on, if nothing more comes: so that a view that
 * ages is still right about what has left a window, or entered a delayed one.
 */
export type KeyView = {
  /** The offset, in the topic that feeds the windows, of the last record that the state had taken. */
  readonly offset: number;
  /** Event times, rising; the first one is when the view was made. */
  readonly momentMs: Float64Array;
  /** The values of the key's aggregates, a row a moment. NaN is a missing value. */
  readonly values: Float64Array;
};

/** One moment of a view: its aggregates are `values[from...]`, and `sinceMs` have gone by since. */
export type ViewMoment = { readonly values: Float64Array; readonly from: number; readonly sinceMs: number };

/** What a view says at an event time: by its last moment that has come, or by its first where none has. */
export function momentAt({ momentMs, values }: KeyView, timeMs: number): ViewMoment {
  let moment = momentMs.length - 1;
  while (moment > 0 && momentMs[moment]! > timeMs) moment--;
  return {
    values,
    from: (moment * values.length) / momentMs.length,
    sinceMs: Math.max(0, timeMs - momentMs[moment]!),
  };
}

/** Grows with the clock between two events: a view's value at a moment says it for all of the time until the next. */
export function isTimeSince({ kind }: AggregateSpec): boolean {
  return kind === 'sinceFirstMs' || kind === 'sinceLastMs';
}

const headBytes = 16;
const viewVersion = 1;

/** A view as bytes: version, moments, aggregates, offset, then the moments and their values, little-endian. */
export function packView({ offset, momentMs, values }: KeyView): Uint8Array {
  const bytes = new Uint8Array(headBytes + (momentMs.length + values.length) * 8);
  const data = new DataView(bytes.buffer);
  data.setUint16(0, viewVersion, true);
  data.setUint16(2, momentMs.length, true);
  data.setUint32(4, values.length, true);
  data.setFloat64(8, offset, true);
  bytes.set(bytesOf(momentMs), headBytes);
  bytes.set(bytesOf(values), headBytes + momentMs.length * 8);
  return bytes;
}

/** Reads what `packView` packed. Throws on any other version or length. */
export function unpackView(bytes: Uint8Array): KeyView {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version, moments, count] = [data.getUint16(0, true), data.getUint16(2, true), data.getUint32(4, true)];
  const expected = headBytes + (moments + count) * 8;
  if (version !== viewVersion || moments === 0 || bytes.length !== expected)
    throw new Error(
      `got a view of version ${version} in ${bytes.length} bytes, expected ${viewVersion} in ${expected}`,
    );
  // A copy: the bytes may be part of a larger buffer, at any place.
  const numbers = new Float64Array(new Uint8Array(bytes.subarray(headBytes)).buffer);
  return {
    offset: data.getFloat64(8, true),
    momentMs: numbers.slice(0, moments),
    values: numbers.slice(moments),
  };
}

function bytesOf(numbers: Float64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
