import type { OutgoingRecord, PackedRecords } from './port.ts';

/** Packed records as records of their own, which share their bytes unless something stands before the values. */
export function unpack(packed: PackedRecords): OutgoingRecord[] {
  const { topic, partition, count, keys, keyEnds, values, valueEnds, valuePrefix, headers = [] } = packed;
  return Array.from({ length: count }, (_, index) => {
    const key = keys.subarray(startOf(keyEnds, index), keyEnds[index]);
    const value = values.subarray(startOf(valueEnds, index), valueEnds[index]);
    return { topic, partition, key, value: valuePrefix.length === 0 ? value : join(valuePrefix, value), headers };
  });
}

/** Where record `index` begins. */
export function startOf(ends: Uint32Array, index: number): number {
  return index === 0 ? 0 : ends[index - 1]!;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
