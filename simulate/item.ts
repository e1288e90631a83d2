import type { Authorization } from '../core/contract/authorization.ts';
import type { Clearing } from '../core/contract/clearing.ts';
import type { Dispute } from '../core/contract/dispute.ts';
import type { Reversal } from '../core/contract/reversal.ts';

/** One event of the simulated stream; `fraud` is the truth about an authorization, which is no part of the event. */
export type SimulatedItem =
  | { readonly topic: 'payments.authorization.v1'; readonly event: Authorization; readonly fraud?: FraudScenario }
  | { readonly topic: 'payments.clearing.v1'; readonly event: Clearing }
  | { readonly topic: 'payments.reversal.v1'; readonly event: Reversal }
  | { readonly topic: 'payments.dispute.v1'; readonly event: Dispute };

/** Why a simulated payment is a fraud; of several, the last one. */
export type FraudScenario = 'highAmount' | 'compromisedTerminal' | 'compromisedCustomer';

/** The event as canonical JSON: the same fields in the same order, without spaces. */
export function serialise(item: SimulatedItem): Uint8Array {
  return Buffer.from(JSON.stringify(item.event));
}

/** The item as a line of a JSONL file, `{"topic":...,"event":...}`, without the line end. */
export function serialiseLine(item: SimulatedItem): string {
  return JSON.stringify({ topic: item.topic, event: item.event });
}
