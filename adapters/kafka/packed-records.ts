import type { OutgoingRecord, PackedRecords, TopicPartition } from './port.ts';

/** Packed records as records of their own, which share their bytes unless something stands before the values. */
export function unpack(packed: PackedRecords): OutgoingRecord[] {
  const { topic, partition, count, keys, keyEnds, values, valueEnds, valuePrefix, headers = [] } = packed;
  return Array.from({ length: count }, (_, index) => {
    const key = keys.subarray(startOf(keyEnds, index), keyEnds[index]);
    const value = values.subarray(startOf(valueEnds, index), valueEnds[index]);
    return { topic, partition, key, value: valuePrefix.length === 0 ? value : join(valuePrefix, value), headers };
  });
}

/** Packs keys and values, in their order. */
export function packRecords(
  at: TopicPartition,
  records: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[],
): PackedRecords {
  const keys = joinAll(records.map(({ key }) => key));
  const values = joinAll(records.map(({ value }) => value));
  return {
    topic: at.topic,
    partition: at.partition,
    count: records.length,
    keys: keys.bytes,
    keyEnds: keys.ends,
    values: values.bytes,
    valueEnds: values.ends,
    valuePrefix: new Uint8Array(),
  };
}

/** The same records one behind the other, in memory of their own; all go to one partition, and have one prefix and one set of headers. */
export function joinPacked(parts: readonly [PackedRecords, ...PackedRecords[]]): PackedRecords {
  const [first] = parts;
  const ends = (of: (part: PackedRecords) => Uint32Array): Uint32Array => {
    let before = 0;
    const all = parts.map((part) => {
      const moved = of(part)
        .subarray(0, part.count)
        .map((end) => end + before);
      before = moved.at(-1) ?? before;
      return moved;
    });
    const joined = new Uint32Array(all.reduce((sum, { length }) => sum + length, 0));
    all.reduce((from, own) => (joined.set(own, from), from + own.length), 0);
    return joined;
  };
  const bytes = (of: (part: PackedRecords) => Uint8Array, endsOf: (part: PackedRecords) => Uint32Array): Uint8Array =>
    joinAll(parts.map((part) => of(part).subarray(0, startOf(endsOf(part), part.count)))).bytes;
  const keyEndsOf = ({ keyEnds }: PackedRecords): Uint32Array => keyEnds;
  const valueEndsOf = ({ valueEnds }: PackedRecords): Uint32Array => valueEnds;
  return {
    ...first,
    count: parts.reduce((sum, { count }) => sum + count, 0),
    keys: bytes(({ keys }) => keys, keyEndsOf),
    keyEnds: ends(keyEndsOf),
    values: bytes(({ values }) => values, valueEndsOf),
    valueEnds: ends(valueEndsOf),
  };
}

function joinAll(parts: readonly Uint8Array[]): { readonly bytes: Uint8Array; readonly ends: Uint32Array } {
  const ends = new Uint32Array(parts.length);
  let length = 0;
  for (const [index, part] of parts.entries()) ends[index] = length += part.length;
  const bytes = new Uint8Array(length);
  for (const [index, part] of parts.entries()) bytes.set(part, ends[index]! - part.length);
  return { bytes, ends };
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
