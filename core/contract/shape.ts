import { z } from 'zod';
import type { Contract, Label } from './contract.ts';

/** A field of a contract as plain data, without the schema library. */
export type FieldShape = {
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array';
  readonly required: boolean;
  readonly nullable: boolean;
  /** The only values that the field may have. */
  readonly values?: readonly (string | number | boolean)[];
  /** Inclusive unless the name says otherwise; lengths in characters or items. */
  readonly bounds?: Readonly<Partial<Record<BoundName, number>>>;
  readonly pattern?: string;
  /** A check beyond type, bounds and pattern, by name. */
  readonly check?: string;
  /** Of an object; other fields are refused. */
  readonly fields?: Readonly<Record<string, FieldShape>>;
  /** Of a list. */
  readonly items?: FieldShape;
};

/** The names of the lower bounds that a field may have. */
export const lowerBounds = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'] as const;

/** The names of the upper bounds that a field may have. */
export const upperBounds = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'] as const;

/** The name of a bound, as JSON Schema has it. */
export type BoundName = (typeof lowerBounds)[number] | (typeof upperBounds)[number];

/** The settings of a contract that do not decide which events it accepts. */
export const settingNames = [
  'outOfOrdernessMs',
  'allowedLatenessMs',
  'maxFutureMs',
  'idleMs',
  'retentionMs',
  'partitions',
] as const;

/** A contract as plain data that can be committed and compared. */
export type ContractShape = {
  readonly topic: string;
  readonly key: string;
  /** Only where it is not `eventId`. */
  readonly idField?: string;
  readonly eventTimeField: string;
  readonly nested: readonly string[];
  readonly labels: Readonly<Record<string, Label>>;
  readonly settings: Readonly<Record<(typeof settingNames)[number], number>>;
  readonly fields: Readonly<Record<string, FieldShape>>;
};

/** Reduces a contract to its shape. Throws when its schema uses something that a shape cannot say. */
export function contractShape(contract: Contract): ContractShape {
  const fields = fieldsOfJsonSchema(z.toJSONSchema(contract.schema, { io: 'input' }), contract.topic);
  const { topic, key, eventTimeField, nested, labels = {} } = contract;
  const id = contract.idField === undefined ? {} : { idField: contract.idField };
  const { outOfOrdernessMs, allowedLatenessMs, maxFutureMs, idleMs, retentionMs, partitions } = contract;
  const settings = { outOfOrdernessMs, allowedLatenessMs, maxFutureMs, idleMs, retentionMs, partitions };
  return { topic, key, ...id, eventTimeField, nested, labels, settings, fields };
}

/** The fields of a JSON Schema of an object, by its name in errors. Throws when it says something that a shape cannot. */
export function fieldsOfJsonSchema(schema: JsonSchema, name: string): Readonly<Record<string, FieldShape>> {
  const { fields, type } = shapeOf({ schema, path: name, required: true });
  if (fields !== undefined) return fields;
  throw new Error(`got a schema ${name} of a ${type}, expected an object`);
}

type JsonSchema = z.core.JSONSchema.BaseSchema;
type Place = { readonly schema: JsonSchema; readonly path: string; readonly required: boolean };

function shapeOf({ schema: outer, path, required }: Place): FieldShape {
  const { schema, nullable } = withoutNull(outer, path);
  requireKnownKeywords(schema, path);
  const bounds = boundsOf(schema);
  const values = schema.const === undefined ? schema.enum : [schema.const];
  const check = schema['check'];
  return {
    type: typeOf(schema, path),
    required,
    nullable,
    ...(values === undefined ? {} : { values: values.filter((value) => value !== null) }),
    ...(bounds === undefined ? {} : { bounds }),
    ...(schema.pattern === undefined ? {} : { pattern: schema.pattern }),
    ...(typeof check === 'string' ? { check } : {}),
    ...(schema.type === 'object' ? { fields: fieldsOf(schema, path) } : {}),
    ...(schema.type === 'array' ? { items: itemsOf(schema, path) } : {}),
  };
}

/** A nullable schema is either `{type: [x, 'null']}` or `{anyOf: [x, {type: 'null'}]}`. */
function withoutNull(schema: JsonSchema, path: string): { readonly schema: JsonSchema; readonly nullable: boolean } {
  if (Array.isArray(schema.type)) {
    const [type, second, ...more] = schema.type;
    if (type === undefined || second !== 'null' || more.length > 0) throw unsayable(path, 'a union');
    return { schema: { ...schema, type }, nullable: true };
  }
  if (schema.anyOf === undefined) return { schema, nullable: false };
  const [inner, second, ...more] = schema.anyOf;
  if (inner === undefined || second?.type !== 'null' || more.length > 0) throw unsayable(path, 'a union');
  return { schema: inner, nullable: true };
}

function requireKnownKeywords(schema: JsonSchema, path: string): void {
  const unknown = Object.keys(schema).find((keyword) => !knownKeywords.has(keyword));
  if (unknown !== undefined) throw unsayable(path, `the keyword ${unknown}`);
  if (schema.type === 'object' && schema.additionalProperties !== false) throw unsayable(path, 'an open object');
}

const knownKeywords: ReadonlySet<string> = new Set(
  [
    '$schema',
    '$id',
    'title',
    'type',
    'properties',
    'required',
    'additionalProperties',
    'items',
    'enum',
    'const',
    'pattern',
  ].concat(['readOnly', 'description', 'check'], lowerBounds, upperBounds),
);

function unsayable(path: string, found: string): Error {
  return new Error(`got ${found} at ${path}, expected a schema that a contract's shape can say`);
}

function boundsOf(schema: JsonSchema): FieldShape['bounds'] | undefined {
  const bounds: Partial<Record<BoundName, number>> = {};
  for (const name of [...lowerBounds, ...upperBounds]) {
    const bound = schema[name];
    if (typeof bound === 'number') bounds[name] = bound;
  }
  return Object.keys(bounds).length === 0 ? undefined : bounds;
}

function typeOf({ type }: JsonSchema, path: string): FieldShape['type'] {
  if (type === undefined || type === 'null' || Array.isArray(type)) throw unsayable(path, 'a field without one type');
  return type;
}

function fieldsOf(schema: JsonSchema, path: string): Record<string, FieldShape> {
  const required = new Set(schema.required);
  const fields: Record<string, FieldShape> = {};
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const inner = `${path}.${name}`;
    fields[name] = shapeOf({ schema: requireSchema(field, inner), path: inner, required: required.has(name) });
  }
  return fields;
}

function itemsOf(schema: JsonSchema, path: string): FieldShape {
  if (Array.isArray(schema.items)) throw unsayable(path, 'a tuple');
  return shapeOf({ schema: requireSchema(schema.items, path), path: `${path}[]`, required: true });
}

function requireSchema(schema: JsonSchema | boolean | undefined, path: string): JsonSchema {
  if (typeof schema !== 'object') throw unsayable(path, 'a field of any type');
  return schema;
}
