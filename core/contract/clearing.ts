import type { z } from 'zod';
import { defineContract } from './contract.ts';
import { eventSchema } from './event-schema.ts';
import { paymentTimings, releaseFields } from './payment-fields.ts';

/** The merchant's claim of all or part of an authorized amount. */
export type Clearing = z.infer<typeof schema>;

const schema = eventSchema(releaseFields);

/** The contract `payments.clearing.v1`. */
export const clearingContract = defineContract({
  topic: 'payments.clearing.v1',
  schema,
  key: 'accountId',
  nested: [],
  eventTimeField: 'eventTimeMs',
  ...paymentTimings,
});
