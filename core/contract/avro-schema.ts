import type { ContractShape, FieldShape } from './shape.ts';

/** A schema of Avro 1.11 as plain JSON; see https://avro.apache.org/docs/1.11.1/specification/. */
export type AvroSchema = string | AvroRecord | AvroEnum | AvroArray | readonly AvroSchema[];

export type AvroRecord = {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string;
  readonly doc?: string;
  readonly fields: readonly AvroField[];
};

export type AvroField = { readonly name: string; readonly type: AvroSchema; readonly default?: null };
export type AvroEnum = { readonly type: 'enum'; readonly name: string; readonly symbols: readonly string[] };
export type AvroArray = { readonly type: 'array'; readonly items: AvroSchema };

/**
 * The Avro schema of a contract's events. The record is named by the topic: `payments.authorization.v1` is
 * `payments.AuthorizationV1`, and what lies inside it by its path. Whole numbers are longs, other numbers doubles; a field
 * that may be missing is a union with null, null being its default; texts of a fixed list are enums. Bounds and patterns
 * have no place in Avro: who reads still checks the contract. Throws where a field may be missing and may be null, since
 * Avro cannot tell the two apart.
 */
export function avroSchemaOf({ topic, fields }: Pick<ContractShape, 'topic' | 'fields'>): AvroRecord {
  const parts = topic.split('.');
  const version = parts.pop() ?? '';
  const name = pascal(parts.pop() ?? '') + pascal(version);
  return { namespace: parts.join('.'), doc: `The contract ${topic}.`, ...recordOf(name, topic, fields) };
}

function recordOf(name: string, path: string, fields: Readonly<Record<string, FieldShape>>): AvroRecord {
  return {
    type: 'record',
    name,
    fields: Object.entries(fields).map(([field, shape]) => {
      const at = `${path}.${field}`;
      const type = typeOf(shape, name + pascal(field), at);
      if (shape.required) return { name: field, type: shape.nullable ? ['null', type] : type };
      if (!shape.nullable) return { name: field, type: ['null', type], default: null };
      throw new Error(`got ${at} that may be missing and may be null, expected one of the two: Avro has null alone`);
    }),
  };
}

function typeOf(shape: FieldShape, name: string, path: string): AvroSchema {
  switch (shape.type) {
    case 'integer':
      return 'long';
    case 'number':
      return 'double';
    case 'boolean':
      return 'boolean';
    case 'string': {
      const symbols = (shape.values ?? []).map(String);
      const isEnum = symbols.length > 0 && symbols.every((symbol) => /^[A-Za-z_]\w*$/.test(symbol));
      return isEnum ? { type: 'enum', name, symbols } : 'string';
    }
    case 'object':
      return recordOf(name, path, shape.fields ?? {});
    case 'array': {
      if (shape.items === undefined) throw new Error(`got a list without items at ${path}, expected what it holds`);
      const items = typeOf(shape.items, `${name}Item`, `${path}[]`);
      return { type: 'array', items: shape.items.nullable ? ['null', items] : items };
    }
  }
}

function pascal(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

type Fields = Readonly<Record<string, unknown>>;

/** An event as Avro holds it: null in place of what is missing. */
export function toAvro(fields: Readonly<Record<string, FieldShape>>, event: Fields): Fields {
  return mapFields(fields, event, (value) => (value === undefined ? null : value));
}

/** The event that `toAvro` was given: what is missing is missing again. */
export function fromAvro(fields: Readonly<Record<string, FieldShape>>, value: Fields): Fields {
  return mapFields(fields, value, (inner, { required }) => (inner === null && !required ? undefined : inner));
}

type MapValue = (value: unknown, shape: FieldShape) => unknown;

/** The fields with `map` applied to each value, and within it to those of the records that it holds. */
function mapFields(fields: Readonly<Record<string, FieldShape>>, from: Fields, map: MapValue): Fields {
  const mapped: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(fields)) {
    const value = mapInside(shape, map(from[name], shape), map);
    if (value !== undefined) mapped[name] = value;
  }
  return mapped;
}

function mapInside(shape: FieldShape, value: unknown, map: MapValue): unknown {
  const { fields, items } = shape;
  if (fields !== undefined && isFields(value)) return mapFields(fields, value, map);
  if (items === undefined || !Array.isArray(value)) return value;
  return value.map((item: unknown) => mapInside(items, item, map));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
