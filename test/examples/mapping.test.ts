import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openSource } from '../../adapters/files/source.ts';
import { inputContracts } from '../../core/contract/contracts.ts';
import type { SourceRow } from '../../core/contract/mapping.ts';
import { mapping as handbook } from '../../examples/handbook/mapping.ts';
import { mapping as shop } from '../../examples/small/mapping.ts';
import { createPaymentsCsv, createShopCsv } from '../../examples/small/tables.ts';

const builtInMappings = [handbook, shop];

const row: SourceRow = {
  TRANSACTION_ID: 7,
  TX_DATETIME: Date.UTC(2018, 3, 1, 0, 0, 31),
  CUSTOMER_ID: 596,
  TERMINAL_ID: 3156,
  TX_AMOUNT: 57.16,
  TX_FRAUD: 1,
};

describe('the handbook mapping', () => {
  test('turns a fraud into an authorization and a dispute seven days later', () => {
    expect(handbook.map(row, 0)).toEqual({
      kind: 'mapped',
      events: [
        {
          topic: 'payments.authorization.v1',
          eventTimeMs: 1522540831000,
          event: {
            tenantId: 'handbook',
            eventId: '7',
            eventTimeMs: 1522540831000,
            accountId: '596',
            cardToken: 'card-596',
            merchantId: 'merchant-3156',
            terminalId: '3156',
            amountMinor: 5716,
            currency: 'EUR',
            channel: 'cardPresent',
            entryMode: 'chip',
            mcc: '5999',
            country: 'BE',
          },
        },
      ],
      deferred: [
        {
          topic: 'payments.dispute.v1',
          eventTimeMs: 1522540831000 + 7 * 86_400_000,
          event: {
            tenantId: 'handbook',
            eventId: 'dispute-7',
            eventTimeMs: 1522540831000 + 7 * 86_400_000,
            accountId: '596',
            authorizationId: '7',
            reason: 'fraud',
          },
        },
      ],
    });
  });

  test('reads text as it reads numbers', () => {
    const text = Object.fromEntries(Object.entries(row).map(([column, value]) => [column, String(value)]));
    expect(handbook.map({ ...text, TX_DATETIME: '2018-04-01 00:00:31' }, 0)).toEqual(handbook.map(row, 0));
    expect(handbook.map({ ...text, TX_DATETIME: '2018-04-01T00:00:31.000000' }, 0)).toEqual(handbook.map(row, 0));
  });

  test('a payment of 0 is an event like any other', () => {
    const mapped = handbook.map({ ...row, TX_AMOUNT: 0, TX_FRAUD: 0 }, 0);
    expect(mapped).toMatchObject({ kind: 'mapped', events: [{ event: { amountMinor: 0 } }], deferred: [] });
  });

  test.each([
    ['TRANSACTION_ID', -1],
    ['TRANSACTION_ID', '1.5'],
    ['TX_DATETIME', '2018-02-30 00:00:00'],
    ['TX_DATETIME', '2018-04-01 24:00:00'],
    ['TX_DATETIME', 'yesterday'],
    ['CUSTOMER_ID', ''],
    ['TERMINAL_ID', null],
    ['TX_AMOUNT', '-1.00'],
    ['TX_AMOUNT', Number.NaN],
    ['TX_AMOUNT', '1e400'],
    ['TX_FRAUD', '2'],
  ])('refuses a %s of %j without quoting it', (column, value) => {
    const mapped = handbook.map({ ...row, [column]: value }, 0);
    expect(mapped).toMatchObject({ kind: 'unmappable', error: { issues: [{ path: column }] } });
    expect(mapped.kind === 'unmappable' ? mapped.error.message : '').toMatch(/^got (nothing|text|a number)/);
  });

  test('names every column of a row that is wrong in all of them', () => {
    const mapped = handbook.map({}, 0);
    expect(mapped.kind === 'unmappable' ? mapped.error.issues.map(({ path }) => path) : []).toEqual(handbook.columns);
  });
});

describe('the small examples', () => {
  test('are what their script writes', () => {
    expect(readFileSync('examples/small/payments.csv', 'utf8')).toBe(createPaymentsCsv());
    expect(readFileSync('examples/small/shop.csv', 'utf8')).toBe(createShopCsv());
  });

  test.each([
    ['payments', 'handbook', 2000],
    ['shop', 'shop', 200],
  ])('%s.csv becomes valid events by the mapping %s', async (file, name, payments) => {
    const source = await openSource({ path: `examples/small/${file}.csv`, builtInMappings });
    expect(source.identity.mapping?.name).toBe(name);
    const counts = new Map<string, number>();
    for await (const items of source.events()) {
      for (const { topic, bytes } of items) {
        counts.set(topic, (counts.get(topic) ?? 0) + 1);
        const result = inputContracts.get(topic)?.schema.safeParse(JSON.parse(Buffer.from(bytes).toString()));
        expect(result?.success).toBe(true);
      }
    }
    expect(counts.get('payments.authorization.v1')).toBe(payments);
    expect(counts.get('payments.dispute.v1')).toBeGreaterThan(1);
    expect(counts.size).toBe(2);
  });

  test.each([
    ['time', 'soon'],
    ['amount_eur', ''],
    ['amount_eur', 'twelve'],
    ['card_fraud', ''],
  ])('the shop mapping refuses a row with the %s %j', (column, value) => {
    const good = { time: '2026-01-01T09:30:00Z', payment: 'P-1', amount_eur: '12,50', card_fraud: 'no' };
    expect(shop.map(good, 0)).toMatchObject({ kind: 'mapped', events: [{ event: { amountMinor: 1250 } }] });
    expect(shop.map({ ...good, [column]: value }, 0)).toMatchObject({ kind: 'unmappable' });
  });
});
