import { Reader, readRecordsBatches } from '@platformatic/kafka';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unpack } from '../../adapters/kafka/packed-records.ts';
import type { PackedRecords } from '../../adapters/kafka/port.ts';
import { createBatchEncoder } from '../../adapters/kafka/record-batch.ts';

const bytes = fc.oneof(fc.uint8Array({ maxLength: 10 }), fc.uint8Array({ minLength: 60, maxLength: 200, size: 'max' }));

const drawn = fc.record({
  records: fc.array(fc.record({ key: bytes, value: bytes }), { minLength: 1, maxLength: 150, size: 'max' }),
  valuePrefix: fc.uint8Array({ maxLength: 5 }),
  headers: fc.array(fc.tuple(fc.string(), bytes), { maxLength: 3 }),
});

function pack({ records, ...rest }: Drawn): PackedRecords {
  const join = (parts: readonly Uint8Array[]) => {
    let end = 0;
    return {
      bytes: Uint8Array.from(parts.flatMap((part) => [...part])),
      ends: Uint32Array.from(parts, (part) => (end += part.length)),
    };
  };
  const keys = join(records.map(({ key }) => key));
  const values = join(records.map(({ value }) => value));
  const packed = { keys: keys.bytes, keyEnds: keys.ends, values: values.bytes, valueEnds: values.ends };
  return { topic: 'decisions', partition: 3, count: records.length, ...packed, ...rest };
}

type Drawn = {
  readonly records: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
  readonly valuePrefix: Uint8Array;
  readonly headers: readonly (readonly [string, Uint8Array])[];
};

const origin = {
  producerId: 77n,
  producerEpoch: 5,
  firstSequence: 2 ** 31 - 2,
  timestampMs: 1_764_000_000_123,
  kind: 'transactional',
} as const;

describe('records that are packed', () => {
  test('a batch of them is read back by the library as the same records, in their order, with who wrote it', () => {
    const encode = createBatchEncoder();
    fc.assert(
      fc.property(drawn, (given) => {
        const packed = pack(given);
        const [batch, ...others] = readRecordsBatches(Reader.from(encode(packed, origin)));
        expect(others).toEqual([]);
        const { producerId, producerEpoch, firstSequence, timestampMs } = origin;
        expect(batch).toMatchObject({ producerId, producerEpoch, firstSequence, magic: 2, attributes: 0b10011 });
        expect(batch).toMatchObject({ firstTimestamp: BigInt(timestampMs), maxTimestamp: BigInt(timestampMs) });
        const read = batch!.records.map(({ offsetDelta, key, value, headers }) => ({
          offsetDelta,
          key: [...(key ?? [])],
          value: [...(value ?? [])],
          headers: headers.map(([name, header]) => [name?.toString(), [...(header ?? [])]]),
        }));
        const written = given.records.map(({ key, value }, offsetDelta) => ({
          offsetDelta,
          key: [...key],
          value: [...given.valuePrefix, ...value],
          headers: given.headers.map(([name, header]) => [Buffer.from(name).toString(), [...header]]),
        }));
        expect(read).toEqual(written);
      }),
    );
  });

  test('unpacked they are the same records one by one', () => {
    fc.assert(
      fc.property(drawn, (given) => {
        const records = unpack(pack(given)).map(({ key, value }) => ({ key: [...key!], value: [...value!] }));
        const expected = given.records.map(({ key, value }) => ({
          key: [...key],
          value: [...given.valuePrefix, ...value],
        }));
        expect(records).toEqual(expected);
      }),
    );
  });

  test('what one batch returned stays as it is when the next is written', () => {
    const encode = createBatchEncoder();
    const one = pack({
      records: [{ key: Uint8Array.of(1), value: new Uint8Array(500).fill(7) }],
      valuePrefix: new Uint8Array(),
      headers: [],
    });
    const first = encode(one, origin);
    const copy = Buffer.from(first);
    encode(
      pack({
        records: [{ key: Uint8Array.of(2), value: new Uint8Array(900).fill(9) }],
        valuePrefix: new Uint8Array(),
        headers: [],
      }),
      origin,
    );
    expect(first.equals(copy)).toBe(true);
  });
});
