import avro, { type Schema, type Type } from 'avsc';
import { z } from 'zod';

/**
 * Longs as numbers, exact up to 2^53 - 1 both ways. The library's own reader gives another number for some of 2^52 and
 * more (-4503599627370497 comes back as 4503599627370496), and its writer refuses 2^53 - 1.
 */
const exactLong = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer): number => {
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigInt64LE();
    if (value >= -largest && value <= largest) return Number(value);
    throw new RangeError(`got the long ${value}, expected one that a number holds exactly: up to 2^53 - 1`);
  },
  toBuffer: (value: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    return bytes;
  },
  fromJSON: Number,
  toJSON: Number,
  isValid: (value: unknown): boolean => Number.isSafeInteger(value),
  compare: (left: number, right: number): number => Math.sign(left - right),
});

/** What the library takes; it checks the rest. */
const schemaValue = z.custom<Schema>((value) => typeof value === 'string' || typeof value === 'object');

const largest = BigInt(Number.MAX_SAFE_INTEGER);

/** The codec of an Avro schema's text. Throws when it is none. Longs beyond 2^53 - 1 are refused when they are read. */
export function parseAvro(text: string): Type {
  return avro.Type.forSchema(schemaValue.parse(JSON.parse(text)), { registry: { long: exactLong } });
}
