import { disturb, noDisturbance } from '../../simulate/disturb.ts';
import { simulatePayments } from '../../simulate/payments.ts';

/** An event on its way into a stream: its bytes, the contract that they are of, and the account whose order counts. */
export type StreamEvent = { readonly contract: string; readonly accountId: string; readonly bytes: Uint8Array };

/** Payments with clearings, reversals, disputes, late events, copies, conflicts and bytes that are none. */
export function streamEvents(count: number, accounts: number): StreamEvent[] {
  const items = simulatePayments({ customers: accounts, terminals: accounts, authorizationsMax: count });
  const rates = {
    ...noDisturbance,
    lateRate: 0.01,
    duplicateRate: 0.01,
    conflictRate: 0.003,
    poisonRate: 0.002,
    delayMsMax: 180_000,
  };
  const events: StreamEvent[] = [];
  for (const { topic: contract, bytes, disturbance } of disturb(items, rates)) {
    if (events.length === count) break;
    const accountId = disturbance === 'poison' ? `poison-${events.length % 7}` : accountOf(bytes);
    events.push({ contract, accountId, bytes });
  }
  return events;
}

function accountOf(bytes: Uint8Array): string {
  const [, accountId = ''] = /"accountId":"([^"]+)"/.exec(Buffer.from(bytes).toString()) ?? [];
  return accountId;
}
