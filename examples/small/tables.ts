import type { Authorization } from '../../core/contract/authorization.ts';
import { simulatePayments } from '../../simulate/payments.ts';

/**
 * 2,000 simulated payments in the columns of the handbook's file. The world is small (60 customers, 300 terminals) so
 * that these 18 days of it have accounts with a history, frauds and disputes.
 */
export function createPaymentsCsv(): string {
  const header = 'TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD,TX_FRAUD_SCENARIO';
  const rows = simulate({ seed: 20, authorizations: 2000 }).map(({ event, scenario }) =>
    [
      numberIn(event.eventId) - 1,
      new Date(event.eventTimeMs).toISOString().replace('T', ' ').slice(0, 19),
      numberIn(event.accountId),
      numberIn(event.terminalId),
      (event.amountMinor / 100).toFixed(2),
      scenario === 0 ? 0 : 1,
      scenario,
    ].join(','),
  );
  return `${[header, ...rows].join('\n')}\n`;
}

/** 200 simulated payments as a shop's own software might write them. */
export function createShopCsv(): string {
  const rows = simulate({ seed: 21, authorizations: 200 }).map(({ event, scenario }) =>
    [
      new Date(event.eventTimeMs).toISOString().replace('.000', ''),
      `P-${numberIn(event.eventId)}`,
      `customer ${numberIn(event.accountId)}`,
      `"Bakery, branch ${numberIn(event.merchantId)}"`,
      `till ${numberIn(event.terminalId)}`,
      `"${(event.amountMinor / 100).toFixed(2).replace('.', ',')}"`,
      scenario === 0 ? 'no' : 'yes',
    ].join(','),
  );
  return `${['time,payment,customer,shop,terminal,amount_eur,card_fraud', ...rows].join('\n')}\n`;
}

type Row = { readonly event: Authorization; readonly scenario: number };

const scenarios = ['highAmount', 'compromisedTerminal', 'compromisedCustomer'];

function simulate({ seed, authorizations }: { readonly seed: number; readonly authorizations: number }): Row[] {
  const rows: Row[] = [];
  const world = { customers: 60, terminals: 300, terminalDistanceMax: 10, compromisedTerminalsPerDay: 1 };
  const sizes = { compromisedCustomersPerDay: 1, compromisedTerminalDays: 7, compromisedCustomerDays: 7 };
  for (const item of simulatePayments({ seed, authorizationsMax: authorizations, ...world, ...sizes })) {
    if (item.topic !== 'payments.authorization.v1') continue;
    rows.push({ event: item.event, scenario: item.fraud === undefined ? 0 : scenarios.indexOf(item.fraud) + 1 });
  }
  return rows;
}

function numberIn(id: string): number {
  return Number(/\d+/.exec(id)?.[0]);
}
