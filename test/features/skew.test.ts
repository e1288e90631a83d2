import { expect, test } from 'vitest';
import { arrive, createState, step } from '../../core/pipeline.ts';
import { nestedOnly } from '../../simulate/hostile/definitions.ts';
import { endItem, eventItem } from '../../simulate/hostile/log.ts';
import { smallWeir } from '../../simulate/hostile/small-weir.ts';

/** Seconds of payments of one account, in log order; the windows of `nestedOnly` count them. */
function skewOf(seconds: readonly number[], feature: string, batchSize: number) {
  const { weir } = smallWeir(nestedOnly);
  const state = createState(weir);
  const items = [...seconds.map(payment), endItem({ offset: seconds.length, ingestTimeMs: 300_000 })];
  for (let from = 0; from < items.length; from += batchSize) {
    const arrivals = items.slice(from, from + batchSize).map(({ record }) => arrive(record));
    step(weir, state, { arrivals, known: new Map(), recorded: new Map() });
  }
  return state.features.skew.get(feature);
}

function payment(second: number, offset: number) {
  const event = {
    tenantId: 'bank',
    eventId: `p${offset}`,
    eventTimeMs: second * 1000,
    accountId: 'a1',
    cardToken: 'c1',
    merchantId: 'm1',
    terminalId: 't1',
    amountMinor: 100,
    currency: 'EUR',
    channel: 'ecommerce',
    entryMode: 'credentialOnFile',
    mcc: '5411',
    country: 'NL',
  } as const;
  return eventItem({ topic: 'payments.authorization.v1', event }, { offset, ingestTimeMs: 300_000 });
}

const [, counted = ''] = nestedOnly.plan.features.map(({ name }) => name);

test.each([1, 3, 100])('a row that differs is counted once, with its cause: batches of %i', (batchSize) => {
  const none = { lateEvent: 0, sameTimePeer: 0, disorder: 0 };
  expect(skewOf([100, 102, 104], counted, batchSize)).toMatchObject({ rows: 3, differing: none });
  expect(skewOf([100, 100, 104], counted, batchSize)?.differing).toEqual({ ...none, sameTimePeer: 1 });
  expect(skewOf([100, 103, 101], counted, batchSize)?.differing).toEqual({ ...none, disorder: 1 });
  expect(skewOf([100, 104, 112, 103], counted, batchSize)?.differing).toEqual({ ...none, lateEvent: 1, disorder: 1 });
});

test('a too-late event never settles and counts for nothing', () => {
  expect(skewOf([100, 200, 40], counted, 1)?.rows).toBe(2);
});
