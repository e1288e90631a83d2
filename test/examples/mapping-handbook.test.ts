import { describe, expect, test } from 'vitest';
import { openSource } from '../../adapters/files/source.ts';
import { mapping } from '../../examples/handbook/mapping.ts';

const path = process.env['WEIR_HANDBOOK'] ?? '';
if (path === '') {
  process.stderr.write("skipped the handbook's file: set WEIR_HANDBOOK to the path of its transactions.parquet\n");
}

// Skipped without WEIR_HANDBOOK: the file has no licence and is not in the project.
describe.skipIf(path === '')("the handbook's file", () => {
  test('has all its payments, those of 0 too, and a dispute of every fraud in its place', async () => {
    const source = await openSource({ path, builtInMappings: [mapping] });
    expect(source.rowsTotal).toBe(1_754_155);
    const counts = { authorizations: 0, ofZero: 0, disputes: 0, disputesAfterLast: 0, other: 0, outOfOrder: 0 };
    let lastTimeMs = 0;
    for await (const items of source.events()) {
      for (const { topic, bytes } of items) {
        const text = Buffer.from(bytes).toString('latin1');
        const eventTimeMs = Number(/"eventTimeMs":(\d+)/.exec(text)?.[1]);
        if (!(eventTimeMs >= lastTimeMs)) counts.outOfOrder += 1;
        lastTimeMs = eventTimeMs;
        if (topic === 'payments.authorization.v1') {
          counts.authorizations += 1;
          counts.disputesAfterLast = 0;
          if (text.includes('"amountMinor":0,')) counts.ofZero += 1;
        } else if (topic === 'payments.dispute.v1') {
          counts.disputes += 1;
          counts.disputesAfterLast += 1;
        } else counts.other += 1;
      }
    }
    expect(counts).toEqual({
      authorizations: 1_754_155,
      ofZero: 42,
      disputes: 14_681,
      disputesAfterLast: 597,
      other: 0,
      outOfOrder: 0,
    });
  }, 120_000);
});
