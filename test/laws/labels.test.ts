import { describe, expect, test } from 'vitest';
import type { Authorization } from '../../core/contract/authorization.ts';
import { payment } from '../features/vectors.ts';
import { differences } from './compare.ts';
import { everyLabel } from '../../simulate/hostile/definitions.ts';
import { runShipped } from './harness.ts';
import { eventItem, type LogItem } from '../../simulate/hostile/log.ts';
import { runNaive } from '../../simulate/naive/naive.ts';
import { smallWeir } from '../../simulate/hostile/small-weir.ts';

const dayMs = 86_400_000;
const paidMs = 1000 * dayMs;
const askedMs = paidMs + 7 * dayMs;

/**
 * A payment, another one 7 days later that asks for the frauds of the terminal, and one 5 seconds after that, which moves
 * the watermark to the asking payment's time: its row is settled. Then comes the dispute of the first.
 */
function logWithDispute(eventTimeMs: number, reason: 'fraud' | 'other' = 'fraud'): LogItem[] {
  return [
    authorization(0, { eventId: 'paid', eventTimeMs: paidMs }),
    authorization(1, { eventId: 'asked', eventTimeMs: askedMs }),
    authorization(2, { eventId: 'newest', eventTimeMs: askedMs + 5000, terminalId: 'elsewhere', accountId: 'other' }),
    eventItem(
      {
        topic: 'payments.dispute.v1',
        event: { tenantId: 't1', accountId: 'a1', eventId: 'd1', authorizationId: 'paid', eventTimeMs, reason },
      },
      { offset: 3, ingestTimeMs: eventTimeMs },
    ),
  ];
}

describe('a dispute that comes after a row settled', () => {
  test.each([
    ['before the row', askedMs - 1, 'fraud', { revision: 1, frauds: 1 }],
    ['at the row and the watermark', askedMs, 'fraud', { revision: 1, frauds: 1 }],
    ['after the row', askedMs + 1, 'fraud', { revision: 0, frauds: 0 }],
    ['before the row, for another reason', askedMs - 1, 'other', { revision: 0, frauds: 0 }],
    ['too late', askedMs - 60_000, 'fraud', { revision: 0, frauds: 0 }],
    ['just not too late', askedMs - 59_999, 'fraud', { revision: 1, frauds: 1 }],
  ] as const)('with an event time %s', (_, eventTimeMs, reason, expected) => {
    const { weir, setup } = smallWeir(everyLabel);
    const log = logWithDispute(eventTimeMs, reason);
    const output = runShipped(weir, log, { batchSizes: [1] });
    const row = output.featureRows.find(({ identity }) => identity.offset === 1);
    const fraudCount = setup.plan.features.findIndex(({ name }) => name === 'fraud_count');
    expect({ revision: row?.revision, frauds: row?.settled?.[fraudCount] }).toEqual(expected);
    expect(row?.decision[fraudCount]).toBe(0);
    expect(differences(setup.plan, output, runNaive(setup, log))).toEqual([]);
  });
});

function authorization(offset: number, fields: Partial<Authorization>): LogItem {
  const event = payment(fields);
  return eventItem({ topic: 'payments.authorization.v1', event }, { offset, ingestTimeMs: event.eventTimeMs });
}
