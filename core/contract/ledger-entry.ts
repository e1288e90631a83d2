import { z } from 'zod';
import { defineContract } from './contract.ts';
import { eventSchema } from './event-schema.ts';
import { identifier } from './identifier.ts';
import { amountMinor, currency, eventTimeMs, outcome, paymentTimings } from './payment-fields.ts';

/** One double entry of the ledger: a hold, its release or a memo. */
export type LedgerEntry = z.infer<typeof schema>;

const ledgerAccount = z.string().min(1).max(300);

const schema = eventSchema({
  entryId: z.string().min(1).max(300),
  tenantId: identifier,
  kind: z.enum(['authorization', 'clearing', 'reversal', 'expiry']),
  authorizationId: identifier,
  accountId: identifier,
  eventTimeMs,
  debitAccount: ledgerAccount,
  creditAccount: ledgerAccount,
  amountMinor,
  currency,
  outcome: outcome.nullable(),
  /** A clearing without a hold that covers it. */
  unmatched: z.boolean(),
  /** Of the input that caused the entry. */
  offset: z.int().min(0),
  /** Position in the whole ledger, from 0. */
  sequence: z.int().min(0),
});

/** The contract `ledger.entry.v1`. */
export const ledgerEntryContract = defineContract({
  topic: 'ledger.entry.v1',
  schema,
  key: 'accountId',
  nested: [],
  eventTimeField: 'eventTimeMs',
  ...paymentTimings,
});
