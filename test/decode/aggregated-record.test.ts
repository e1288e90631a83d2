import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aggregate, disaggregate, type UserRecord } from '../../core/decode/aggregated-record.ts';

const text = (records: readonly UserRecord[] | null): unknown =>
  records?.map(({ partitionKey, data }) => [partitionKey, Buffer.from(data).toString()]);

/** A protobuf message as a Kinesis producer would wrap it. */
function wrapped(message: Uint8Array): Uint8Array {
  const digest = createHash('md5').update(message).digest();
  return Buffer.concat([Buffer.from('f3899ac2', 'hex'), message, digest]);
}

// Put together by aws_kinesis_agg 1.2.3 (PyPI): a key twice, an explicit hash key, no data, and texts beyond ASCII.
const golden = Buffer.from(
  'f3899ac20a096163636f756e742d310a096163636f756e742d320a036bc3bc12093132333435363738391a0b08001a077b226e223a317d' +
    '1a0d080110001a077b226e223a327d1a0408001a001a0708021a03e282aca2e5405affb260cb740f3583b1b5c303',
  'hex',
);

describe('an aggregated record', () => {
  test('of another producer library is taken apart in order', () => {
    expect(text(disaggregate(golden))).toEqual([
      ['account-1', '{"n":1}'],
      ['account-2', '{"n":2}'],
      ['account-1', ''],
      ['kü', '€'],
    ]);
  });

  test('is taken apart as it was put together', () => {
    const record = fc.record({
      partitionKey: fc.string({ unit: 'grapheme' }),
      data: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 200 }), (records) => {
        expect(text(disaggregate(aggregate(records)))).toEqual(text(records));
      }),
    );
  });

  test('with any byte changed is a record of its own', () => {
    fc.assert(
      fc.property(fc.nat(golden.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(golden);
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(disaggregate(changed)).toBeNull();
      }),
    );
  });

  test('whose message is none is a record of its own, whatever the digest says', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (message) => {
        const records = disaggregate(wrapped(message));
        if (records !== null) expect(records.every(({ data }) => data instanceof Uint8Array)).toBe(true);
      }),
    );
    const broken = ['1a020800', '1a0408001a05', '1a0508051a0161', '0a02c328', '0f', 'ffffffffffffffffffffff01'];
    for (const hex of broken) expect(disaggregate(wrapped(Buffer.from(hex, 'hex')))).toBeNull();
  });

  test('of no records at all is none', () => {
    expect(disaggregate(new Uint8Array())).toBeNull();
    expect(disaggregate(wrapped(new Uint8Array()))).toEqual([]);
    expect(disaggregate(Buffer.from('{"amountMinor":1}'))).toBeNull();
  });
});
