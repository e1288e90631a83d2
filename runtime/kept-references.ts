import { z } from 'zod';
import type { References } from '../core/sinks/kept-event.ts';

const schema = z.strictObject({
  model: z.strictObject({ id: z.string(), version: z.string(), hash: z.string() }),
  ruleSet: z.strictObject({ id: z.string(), version: z.number(), hash: z.string() }),
  featureSet: z.strictObject({ name: z.string(), version: z.number(), hash: z.string() }),
  featureNames: z.array(z.string()),
});

/** Reads what decisions were made by, as it is kept. */
export function parseReferences(json: string): References {
  return schema.parse(JSON.parse(json));
}
