import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode } from '../../core/decode/decode.ts';
import { type Unmappable, unwrapUnmappable, wrapUnmappable } from '../../core/decode/unmappable.ts';

const row: Unmappable = {
  topic: 'payments.authorization.v1',
  sourceRow: 17,
  message: 'got text of length 3 at amountMinor, expected a whole number',
  issues: [{ path: 'amountMinor', got: 'text of length 3', expected: 'a whole number' }],
  bytes: new TextEncoder().encode('1;2;abc\n\u0000'),
};

test('a wrapped row comes out as it went in', () => {
  const anyRow = fc.record({
    topic: fc.string(),
    sourceRow: fc.nat(),
    message: fc.string(),
    issues: fc.array(fc.record({ path: fc.string(), got: fc.string(), expected: fc.string() }), { maxLength: 3 }),
    bytes: fc.uint8Array(),
  });
  fc.assert(
    fc.property(anyRow, (packed) => {
      expect(unwrapUnmappable(wrapUnmappable(packed))).toEqual(packed);
    }),
  );
});

test('an unmappable record decodes to its reason, its own bytes and the topic that it was meant for', () => {
  expect(decode({ topic: 'weir.unmappable.v1', bytes: wrapUnmappable(row) })).toEqual({
    ok: false,
    refusal: {
      code: 'unmappable',
      message: 'source row 17: got text of length 3 at amountMinor, expected a whole number',
      issues: row.issues,
    },
    bytes: row.bytes,
    topic: 'payments.authorization.v1',
  });
});

test('bytes without a header are refused whole', () => {
  const bytes = new TextEncoder().encode('{"topic":"payments.authorization.v1"}\nabc');
  const decoded = decode({ topic: 'weir.unmappable.v1', bytes });
  expect(decoded).toMatchObject({ ok: false, refusal: { code: 'notJson' }, bytes, topic: 'weir.unmappable.v1' });
});

test('arbitrary bytes under the unmappable topic never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decode({ topic: 'weir.unmappable.v1', bytes })).toMatchObject({ ok: false, bytes });
    }),
  );
});
