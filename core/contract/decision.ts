import { z } from 'zod';
import { defineContract } from './contract.ts';
import { eventSchema } from './event-schema.ts';
import { identifier } from './identifier.ts';
import { eventTimeMs, outcome, paymentTimings } from './payment-fields.ts';

/** A decision as it goes out; the scoring stage has the same shape as its own type. */
export type DecisionEvent = z.infer<typeof schema>;

const name = z.string().min(1).max(300);
const offset = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 hash of 64 hexadecimal characters');

const reasonCode = z.strictObject({
  code: name,
  text: z.string(),
  feature: name.nullable(),
  value: z.number().nullable(),
  baseline: z.number().nullable(),
  contribution: z.number(),
});

const ruleHit = z.strictObject({
  id: name,
  version: z.int(),
  mode: z.enum(['live', 'shadow']),
  scoreDelta: z.number(),
});

const schema = eventSchema({
  decisionId: name,
  contract: name,
  tenantId: identifier,
  accountId: identifier,
  eventId: identifier,
  eventTimeMs,
  bodyHash: sha256,
  score: z.number().min(0).max(1000),
  outcome,
  reasonCodes: z.array(reasonCode).readonly(),
  ruleHits: z.array(ruleHit).readonly(),
  model: z.strictObject({ id: name, version: name, hash: name }),
  ruleSet: z.strictObject({ id: name, version: z.int(), hash: name }),
  featureSet: z.strictObject({ name, version: z.int(), hash: name }),
  features: z.array(z.number().nullable()).readonly(),
  topic: name,
  partition: z.int().min(0),
  offset,
  foreignReads: z.array(z.strictObject({ feature: name, offset, ageMs: z.number() })).readonly(),
  watermarkMs: z.int().nullable(),
  late: z.boolean(),
  tooLate: z.boolean(),
  fallback: z.strictObject({ stage: name, reason: z.string() }).nullable(),
});

/** The contract `fraud.decision.v1`: what was decided about one authorization. */
export const decisionContract = defineContract({
  topic: 'fraud.decision.v1',
  schema,
  key: 'accountId',
  nested: [],
  eventTimeField: 'eventTimeMs',
  ...paymentTimings,
});
