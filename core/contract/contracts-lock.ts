import type { Duration } from './duration.ts';
import { z } from 'zod';
import { contracts } from './contracts.ts';
import { type ContractShape, contractShape, lowerBounds, settingNames, upperBounds } from './shape.ts';

/** The shapes of all contracts as they were agreed, by topic: what is committed and what a change is compared with. */
export type ContractsLock = {
  readonly version: 1;
  readonly contracts: Readonly<Record<string, ContractShape>>;
  /** By topic, the shapes that were agreed before, oldest first; those whose fields had changed since. */
  readonly earlier?: Readonly<Record<string, readonly ContractShape[]>>;
};

/** The lock of today's contracts. */
export function contractsLock(): ContractsLock {
  const shapes: Record<string, ContractShape> = {};
  for (const contract of contracts.values()) shapes[contract.topic] = contractShape(contract);
  return { version: 1, contracts: shapes };
}

/** The current lock with the history of the one that it replaces: shapes whose fields have changed are earlier ones now. */
export function succeed({
  locked,
  current,
}: {
  readonly locked: ContractsLock;
  readonly current: ContractsLock;
}): ContractsLock {
  const earlier: Record<string, readonly ContractShape[]> = { ...locked.earlier };
  for (const [topic, shape] of Object.entries(locked.contracts)) {
    const latest = current.contracts[topic];
    if (latest !== undefined && JSON.stringify(latest.fields) === JSON.stringify(shape.fields)) continue;
    earlier[topic] = [...(earlier[topic] ?? []), shape];
  }
  return Object.keys(earlier).length === 0 ? current : { ...current, earlier };
}

/** The text of a lock as it is committed. */
export function contractsLockText(lock: ContractsLock): string {
  return `${JSON.stringify(lock, null, 2)}\n`;
}

/** Reads the text of a committed lock. Throws when it is not JSON or not a lock. */
export function parseContractsLock(text: string): ContractsLock {
  return lockSchema.parse(JSON.parse(text));
}

const boundNames = [...lowerBounds, ...upperBounds];

const fieldSchema = z.strictObject({
  type: z.enum(['string', 'integer', 'number', 'boolean', 'object', 'array']),
  required: z.boolean(),
  nullable: z.boolean(),
  values: z.array(z.union([z.string(), z.number(), z.boolean()])).exactOptional(),
  bounds: z.partialRecord(z.enum(boundNames), z.number()).exactOptional(),
  pattern: z.string().exactOptional(),
  check: z.string().exactOptional(),
  get fields() {
    return z.record(z.string(), fieldSchema).exactOptional();
  },
  get items() {
    return fieldSchema.exactOptional();
  },
});

const labelSchema = z.strictObject({
  topic: z.string(),
  refersTo: z.string(),
  knownAfter: z.custom<Duration>((value) => typeof value === 'string' && /^[1-9]\d*[smhd]$/.test(value)),
  when: z.strictObject({ field: z.string(), equals: z.union([z.string(), z.number(), z.boolean()]) }).exactOptional(),
});

const shapeSchema = z.strictObject({
  topic: z.string(),
  key: z.string(),
  idField: z.string().exactOptional(),
  eventTimeField: z.string(),
  nested: z.array(z.string()),
  labels: z.record(z.string(), labelSchema),
  settings: z.record(z.enum(settingNames), z.int()),
  fields: z.record(z.string(), fieldSchema),
});

const lockSchema = z.strictObject({
  version: z.literal(1),
  contracts: z.record(z.string(), shapeSchema),
  earlier: z.record(z.string(), z.array(shapeSchema)).exactOptional(),
});
