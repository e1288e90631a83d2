import type { Mapping } from '../../core/contract/mapping.ts';

/**
 * A mapping to copy for a file of your own: `weir run shop.csv --mapping mapping.ts`. It names the columns, turns a row
 * into events, and says of a row that it cannot use what came and what was expected.
 */
export const mapping: Mapping = {
  name: 'shop',
  version: 1,
  topic: 'payments.authorization.v1',
  columns: ['time', 'payment', 'customer', 'shop', 'terminal', 'amount_eur', 'card_fraud'],

  map(row) {
    const { time, payment, customer, shop, terminal, amount_eur: amount, card_fraud: cardFraud } = row;
    const eventTimeMs = typeof time === 'string' ? Date.parse(time) : Number.NaN;
    const amountMinor = typeof amount === 'string' ? Math.round(Number(amount.replace(',', '.')) * 100) : Number.NaN;
    if (!Number.isSafeInteger(eventTimeMs)) return refuse('time', 'a time such as 2026-01-01T09:30:00Z');
    if (!Number.isSafeInteger(amountMinor) || amount === '') return refuse('amount_eur', 'an amount such as 12,50');
    if (cardFraud !== 'yes' && cardFraud !== 'no') return refuse('card_fraud', 'yes or no');

    const authorization = {
      tenantId: 'shop',
      eventId: payment,
      eventTimeMs,
      accountId: customer,
      cardToken: `card-of-${String(customer)}`,
      merchantId: shop,
      terminalId: terminal,
      amountMinor,
      currency: 'EUR',
      channel: 'cardPresent',
      entryMode: 'chip',
      mcc: '5999',
      country: 'BE',
    };
    const disputeTimeMs = eventTimeMs + 7 * 86_400_000;
    const dispute = {
      tenantId: 'shop',
      eventId: `dispute-of-${String(payment)}`,
      eventTimeMs: disputeTimeMs,
      accountId: customer,
      authorizationId: payment,
      reason: 'fraud',
    };
    return {
      kind: 'mapped',
      events: [{ topic: 'payments.authorization.v1', eventTimeMs, event: authorization }],
      // The bank hears of a fraud a week later: until the rows have come that far, the dispute waits.
      deferred:
        cardFraud === 'yes' ? [{ topic: 'payments.dispute.v1', eventTimeMs: disputeTimeMs, event: dispute }] : [],
    };
  },
};

function refuse(column: string, expected: string): ReturnType<Mapping['map']> {
  const issue = { path: column, got: 'something else', expected };
  return { kind: 'unmappable', error: { message: `got a bad ${column}, expected ${expected}`, issues: [issue] } };
}
