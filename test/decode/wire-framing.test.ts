import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { frame, unframe } from '../../core/decode/wire-framing.ts';

const payload = new TextEncoder().encode('{}');
const uuid = '2f1e6a30-0000-4abc-8def-0123456789ab';

describe('the header of a record', () => {
  test('is that of Confluent: a zero and the id, big-endian', () => {
    expect([...frame({ format: 'confluent', schemaId: 258, payload })]).toEqual([0, 0, 0, 1, 2, 0x7b, 0x7d]);
  });

  test('is that of Glue: 3, the compression, and the 16 bytes of the id', () => {
    const hex = Buffer.from(frame({ format: 'glue', schemaId: uuid, payload })).toString('hex');
    expect(hex).toBe('03002f1e6a3000004abc8def0123456789ab7b7d');
    expect(unframe(Buffer.from(`0305${hex.slice(4)}`, 'hex'))).toMatchObject({ schemaId: uuid, isZlib: true });
  });

  test('is read as it was written, and the payload with it', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 32 - 1 }), fc.uuid(), fc.uint8Array(), (schemaId, version, bytes) => {
        expect(unframe(frame({ format: 'confluent', schemaId, payload: bytes }))).toEqual({
          format: 'confluent',
          schemaId,
          payload: bytes,
        });
        const read = unframe(frame({ format: 'glue', schemaId: version, payload: bytes }));
        expect(read).toEqual({ format: 'glue', schemaId: version, isZlib: false, payload: bytes });
      }),
    );
  });

  test('is not seen where there is none: JSON begins with neither', () => {
    expect(unframe(payload)).toBeNull();
    expect(unframe(new Uint8Array())).toBeNull();
  });

  test('that is broken is refused with what came and what was expected', () => {
    expect(() => unframe(Uint8Array.of(0, 1))).toThrow('got 2 bytes, expected a Confluent header of 5 and a payload');
    expect(() => unframe(new Uint8Array(18).fill(3))).toThrow('got compression 3 in a Glue header, expected 0 or 5');
    expect(() => unframe(Uint8Array.of(3, 0, 1))).toThrow('got 3 bytes, expected a Glue header of 18 and a payload');
    expect(() => frame({ format: 'glue', schemaId: 'x', payload })).toThrow('got schema id x, expected a UUID');
    expect(() => frame({ format: 'confluent', schemaId: -1, payload })).toThrow('got schema id -1');
  });
});
