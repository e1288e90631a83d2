import type { z } from 'zod';
import { defineContract } from './contract.ts';
import { eventSchema } from './event-schema.ts';
import { paymentTimings, releaseFields } from './payment-fields.ts';

/** The release of all or part of an authorized amount without a clearing. */
export type Reversal = z.infer<typeof schema>;

const schema = eventSchema(releaseFields);

/** The contract `payments.reversal.v1`. */
export const reversalContract = defineContract({
  topic: 'payments.reversal.v1',
  schema,
  key: 'accountId',
  nested: [],
  eventTimeField: 'eventTimeMs',
  ...paymentTimings,
});
