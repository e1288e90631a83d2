import { z } from 'zod';
import { outcome } from './payment-fields.ts';

/** A decision as callers of the API see it: reasons in words, and the feature values that the score used by name. */
export type DecisionView = z.infer<typeof decisionView>;

const versioned = z.strictObject({ id: z.string(), version: z.union([z.string(), z.int()]), hash: z.string() });

/** The shape of an answer. */
export const decisionView = z.strictObject({
  /** From the event's identity, so that the same event has the same one for ever. */
  decisionId: z.string(),
  tenantId: z.string(),
  accountId: z.string(),
  eventId: z.string(),
  eventTimeMs: z.int(),
  outcome,
  /** What ISO 20022 `cain.001` recommends by it. */
  iso20022Action: z.string(),
  /** 0 to 1000. */
  score: z.int().min(0).max(1000),
  reasonCodes: z.array(
    z.strictObject({
      code: z.string(),
      text: z.string(),
      feature: z.string().nullable(),
      value: z.number().nullable(),
      /** The customer's normal. */
      baseline: z.number().nullable(),
      contribution: z.number(),
    }),
  ),
  ruleHits: z.array(
    z.strictObject({ id: z.string(), version: z.int(), mode: z.enum(['live', 'shadow']), scoreDelta: z.number() }),
  ),
  model: versioned,
  ruleSet: versioned,
  featureSet: z.strictObject({ name: z.string(), version: z.int(), hash: z.string() }),
  features: z.record(z.string(), z.number().nullable()),
  /** Of the event in its log. */
  offset: z.int(),
  watermarkMs: z.int().nullable(),
  late: z.boolean(),
  tooLate: z.boolean(),
  /** Which stage was skipped and why. */
  fallback: z.strictObject({ stage: z.string(), reason: z.string() }).nullable(),
});
