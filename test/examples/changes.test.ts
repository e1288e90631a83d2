import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openSource, type SourceItem } from '../../adapters/files/source.ts';
import { type ChangeFormat, changeFormats } from '../../core/contract/change-format.ts';
import { decode } from '../../core/decode/decode.ts';
import { createFlow } from '../../core/flow-pipeline.ts';
import { mapping } from '../../examples/changes/mapping.ts';
import merchants from '../../examples/flows/merchants.ts';
import { streamFlow } from '../../runtime/flow-stream.ts';
import {
  debeziumRecords,
  dmsRecord,
  maxwellRecord,
  type TableChange,
  tableAt,
  tableChanges,
} from '../decode/table-changes.ts';

const recordsOf: Readonly<Record<ChangeFormat, (change: TableChange) => string[]>> = {
  debezium: debeziumRecords,
  dms: (change) => [dmsRecord(change)],
  maxwell: (change) => [maxwellRecord(change)],
};

async function itemsOf(format: ChangeFormat, lines: readonly string[]): Promise<SourceItem[]> {
  const standardInput = (async function* () {
    yield Buffer.from(lines.map((line) => `${line}\n`).join(''));
  })();
  const source = await openSource({ path: '-', format, mapping, standardInput });
  return (await Array.fromAsync(source.events())).flat();
}

function payment(index: number, merchantId: string, eventTimeMs: number): SourceItem {
  const event = {
    tenantId: 'bank',
    eventId: `p-${index}`,
    eventTimeMs,
    accountId: 'c1',
    cardToken: 'card-1',
    merchantId,
  };
  const rest = { terminalId: 't1', amountMinor: 500, currency: 'EUR', channel: 'cardPresent', entryMode: 'chip' };
  const all = { ...event, ...rest, mcc: '5999', country: 'BE' };
  return { topic: 'payments.authorization.v1', bytes: Buffer.from(JSON.stringify(all)) };
}

describe.each(changeFormats)('changes by %s', (format) => {
  test('give each payment the row that its merchant had, in any order and with duplicates', async () => {
    let found = 0;
    const property = fc.asyncProperty(tableChanges, fc.infiniteStream(fc.nat()), async (changes, numbers) => {
      const items = await itemsOf(format, changes.flatMap(recordsOf[format]));
      const asked = changes.flatMap(({ commitTimeMs }, index) =>
        ['a', 'b'].map((key) => ({ id: `${key}-${index}`, key, timeMs: commitTimeMs + (index % 3) * 700 })),
      );
      const payments = asked.map(({ key, timeMs }, index) => payment(index, key, timeMs));
      const all = [...items, ...items.slice(0, 9), ...payments].map((item) => ({
        item,
        rank: numbers.next().value ?? 0,
      }));
      const settled = new Map<string, unknown>();
      const flow = createFlow(merchants, { watermarkPer: 'input', partitions: 1 });
      const counts = await streamFlow({
        flow,
        items: (async function* () {
          yield all.toSorted((left, right) => left.rank - right.rank).map(({ item }) => item);
        })(),
        onRows: (rows) => {
          for (const { key, values } of rows) settled.set(key, values['risk_settled']);
        },
        onLate: (late) => expect(late).toEqual([]),
      });
      expect(counts.get('deadLetters.conflict') ?? 0).toBe(0);
      for (const [index, { key, timeMs }] of asked.entries()) {
        const row = tableAt(changes, timeMs)[key];
        expect(settled.get(`["c1","p-${index}"]`)).toBe(row?.['risk'] ?? null);
        if (row !== undefined) found += 1;
      }
    });
    await fc.assert(property, { numRuns: 100 });
    expect(found).toBeGreaterThan(100);
  });
});

describe('a row of disputes', () => {
  const row = { dispute_id: 'd-1', payment_id: 'p-1', account_id: 'c1', reason: 'fraud' };
  const dms = (recorded: string, second: number) =>
    JSON.stringify({
      data: { ...row, recorded },
      metadata: {
        operation: second === 0 ? 'insert' : 'update',
        'table-name': 'dispute',
        'transaction-id': second,
        'commit-timestamp': `2026-01-01T10:00:0${second}Z`,
      },
    });
  const source = { table: 'dispute', ts_ms: 1_767_261_600_000, lsn: 5 };
  const debezium = JSON.stringify({ op: 'c', source, after: { ...row, recorded: '2026-01-01T09:30:00Z' } });
  const data = { ...row, recorded: '2026-01-01 09:30:00' };
  const maxwell = JSON.stringify({ type: 'insert', database: 'd', table: 'dispute', ts: 1_767_261_600, data });

  test('is the same event of its contract by each of them', async () => {
    const lines: readonly (readonly [ChangeFormat, string])[] = [
      ['dms', dms('2026-01-01T09:30:00Z', 0)],
      ['debezium', debezium],
      ['maxwell', maxwell],
    ];
    const items = await Promise.all(lines.map(([format, line]) => itemsOf(format, [line])));
    const decoded = items.map(([item]) => item && decode(item));
    for (const event of decoded) {
      expect(event).toMatchObject({
        ok: true,
        event: { topic: 'payments.dispute.v1', event: { authorizationId: 'p-1' } },
      });
      expect(event).toEqual(decoded[0]);
    }
  });

  test('is the same event again when something else of it changes', async () => {
    const items = await itemsOf('dms', [dms('2026-01-01T09:30:00Z', 0), dms('2026-01-01T09:30:00Z', 1)]);
    expect(items).toHaveLength(2);
    expect(items[1]).toEqual(items[0]);
  });

  test('that cannot be read is a dead letter with its bytes and what was expected', async () => {
    const [item] = await itemsOf('dms', [debezium]);
    const decoded = item && decode(item);
    expect(decoded).toMatchObject({
      ok: false,
      topic: 'registry.merchant.v1',
      refusal: { code: 'unmappable', message: expect.stringContaining('it looks like debezium') },
    });
    expect(decoded?.ok === false && Buffer.from(decoded.bytes).toString()).toBe(debezium);
  });
});
