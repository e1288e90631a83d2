import { z } from 'zod';
import { defineContract } from './contract.ts';
import { eventSchema } from './event-schema.ts';
import { identifier } from './identifier.ts';
import { amountMinor, currency, paymentFields, paymentTimings } from './payment-fields.ts';

/** A card payment that asks for an answer. Its card is a token; no field may hold a card number. */
export type Authorization = z.infer<typeof schema>;

const schema = eventSchema({
  ...paymentFields,
  cardToken: identifier,
  merchantId: identifier,
  terminalId: identifier,
  amountMinor,
  currency,
  channel: z.enum(['cardPresent', 'ecommerce', 'moto', 'atm', 'recurring']),
  entryMode: z.enum(['chip', 'contactless', 'magstripe', 'manual', 'credentialOnFile']),
  mcc: z.string().regex(/^\d{4}$/, 'a merchant category code of four digits'),
  country: z.string().regex(/^[A-Z]{2}$/, 'an ISO 3166 code of two upper-case letters'),
  location: z
    .strictObject({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) })
    .exactOptional(),
  deviceId: identifier.exactOptional(),
  ipPrefix: identifier.exactOptional(),
});

/** The contract `payments.authorization.v1`; a dispute for fraud labels an authorization `isFraud`. */
export const authorizationContract = defineContract({
  topic: 'payments.authorization.v1',
  schema,
  key: 'accountId',
  nested: ['cardToken'],
  eventTimeField: 'eventTimeMs',
  ...paymentTimings,
  labels: {
    isFraud: {
      topic: 'payments.dispute.v1',
      refersTo: 'authorizationId',
      knownAfter: '7d',
      when: { field: 'reason', equals: 'fraud' },
    },
  },
});
