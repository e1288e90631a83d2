import { readFileSync } from 'node:fs';
import { z } from 'zod';

const rowsSchema = z.strictObject({
  /** SHA-256 of the bytes of the shipped model that answered; missing for the other models. */
  modelHash: z.string().optional(),
  featureNames: z.array(z.string()),
  rows: z.array(z.array(z.number().nullable())),
  margins: z.array(z.number()),
  probabilities: z.array(z.number()),
  /** One a feature, then the bias. */
  contributions: z.array(z.array(z.number())),
  /** Exact Shapley values, one a feature, then the bias. */
  shapley: z.array(z.array(z.number())),
});

export type GoldenName = 'plain' | 'missing' | 'pruned' | 'categorical';

/** A model as XGBoost saved it. */
export function readGoldenModel(name: GoldenName): unknown {
  return readJson(`${name}.model.json`);
}

/** The bytes of the model that is shipped. */
export function readShippedModel(): Buffer {
  return readFileSync(new URL('../../examples/handbook/model.json', import.meta.url));
}

/** Rows with XGBoost's own answers for them. */
export function readGoldenRows(name: Exclude<GoldenName, 'categorical'> | 'shipped'): z.infer<typeof rowsSchema> {
  return rowsSchema.parse(readJson(`${name}.rows.json`));
}

/** A copy of the plain model with the value at one path replaced. */
export function brokenModel(path: readonly string[], value: unknown): unknown {
  return replaced(readGoldenModel('plain'), path, value);
}

function replaced(json: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (typeof json !== 'object' || json === null || !(key in json)) throw new Error(`got no ${key}, expected one`);
  const inner: unknown = Object.getOwnPropertyDescriptor(json, key)?.value;
  const changed = replaced(inner, rest, value);
  if (!Array.isArray(json)) return { ...json, [key]: changed };
  return json.map((item: unknown, index) => (String(index) === key ? changed : item));
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../golden/score/${file}`, import.meta.url), 'utf8'));
}
