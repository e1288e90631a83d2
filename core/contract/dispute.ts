import { z } from 'zod';
import { defineContract } from './contract.ts';
import { eventSchema } from './event-schema.ts';
import { identifier } from './identifier.ts';
import { paymentFields, paymentTimings } from './payment-fields.ts';

/** A customer's objection to a payment; its event time is when the issuer recorded it. */
export type Dispute = z.infer<typeof schema>;

const schema = eventSchema({
  ...paymentFields,
  authorizationId: identifier,
  reason: z.enum(['fraud', 'notReceived', 'duplicate', 'other']),
});

/** The contract `payments.dispute.v1`, which carries the label `isFraud` of authorizations. */
export const disputeContract = defineContract({
  topic: 'payments.dispute.v1',
  schema,
  key: 'accountId',
  nested: [],
  eventTimeField: 'eventTimeMs',
  ...paymentTimings,
});
