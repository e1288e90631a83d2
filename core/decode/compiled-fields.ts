import type { Contract } from '../contract/contract.ts';
import { contractShape, type FieldShape } from '../contract/shape.ts';
import { type ByteRange, byteRangesOf } from './compiled-pattern.ts';

/** What compiled code can read of one value, and everything that it must check there. */
export type CompiledValue =
  /** Printable ASCII without escapes. */
  | { readonly kind: 'text'; readonly lengthMin: number; readonly lengthMax: number; readonly isToken: boolean }
  | { readonly kind: 'pattern'; readonly characters: readonly (readonly ByteRange[])[] }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'integer' | 'number'; readonly bounds: NonNullable<FieldShape['bounds']> }
  | { readonly kind: 'boolean' };

/** A field that holds one value, and its number among those of the whole contract. */
export type CompiledLeaf = {
  readonly kind: 'leaf';
  readonly name: string;
  readonly path: string;
  readonly leaf: number;
  readonly value: CompiledValue;
};

/** A field of an object as compiled code sees it; one that it does not read makes it hand the event over. */
export type CompiledField =
  | CompiledLeaf
  | { readonly kind: 'object'; readonly name: string; readonly object: CompiledObject }
  | { readonly kind: 'unread'; readonly name: string };

/** The fields of an object in the order of the canonical text. */
export type CompiledObject = {
  readonly fields: readonly CompiledField[];
  /** Bit i is set when field i must be there. */
  readonly requiredBits: number;
};

/** A contract's fields for compiled code. */
export type CompiledFields = {
  readonly root: CompiledObject;
  /** By number. */
  readonly leaves: readonly CompiledLeaf[];
};

/** An object with more fields is not read by compiled code: their presence is kept in the bits of one number. */
const fieldsMax = 30;

/**
 * What compiled code reads of a contract's events. Its checks are those that the contract's shape names, so a schema
 * with a refinement must name it there. Throws for a contract whose top level cannot be read.
 */
export function compiledFields(contract: Contract): CompiledFields {
  const leaves: CompiledLeaf[] = [];
  const root = objectOf(contractShape(contract).fields, { prefix: '', leaves });
  if (root === null)
    throw new Error(`got contract ${contract.topic}, expected at most ${fieldsMax} plainly named fields`);
  return { root, leaves };
}

type Draft = { readonly prefix: string; readonly leaves: CompiledLeaf[] };

function objectOf(shapes: Readonly<Record<string, FieldShape>>, { prefix, leaves }: Draft): CompiledObject | null {
  const names = Object.keys(shapes).toSorted();
  if (names.length > fieldsMax || !names.every((name) => plainName.test(name))) return null;
  let requiredBits = 0;
  const fields = names.map((name, index) => {
    const shape = shapes[name]!;
    if (shape.required) requiredBits |= 1 << index;
    return fieldOf(shape, { name, prefix, leaves });
  });
  return { fields, requiredBits };
}

/** A name that JSON spells in one way and that no object moves to the front, as it does with whole numbers. */
const plainName = /^[A-Za-z_]\w{0,60}$/;

function fieldOf(shape: FieldShape, { name, prefix, leaves }: Draft & { readonly name: string }): CompiledField {
  const path = prefix + name;
  if (shape.fields !== undefined) {
    const object = objectOf(shape.fields, { prefix: `${path}.`, leaves });
    return object === null ? { kind: 'unread', name } : { kind: 'object', name, object };
  }
  const value = valueOf(shape);
  if (value === null) return { kind: 'unread', name };
  const field: CompiledLeaf = { kind: 'leaf', name, path, leaf: leaves.length, value };
  leaves.push(field);
  return field;
}

function valueOf(shape: FieldShape): CompiledValue | null {
  if (shape.values !== undefined) return choiceOf(shape, shape.values);
  switch (shape.type) {
    case 'string':
      return textOf(shape);
    case 'integer':
    case 'number':
      return shape.check === undefined ? { kind: shape.type, bounds: shape.bounds ?? {} } : null;
    case 'boolean':
      return shape.check === undefined ? { kind: 'boolean' } : null;
    case 'object':
    case 'array':
      return null;
  }
}

function choiceOf({ bounds, pattern, check }: FieldShape, values: NonNullable<FieldShape['values']>) {
  const choices = values.filter((value) => typeof value === 'string').filter((value) => plainText.test(value));
  const isPlain = choices.length === values.length && choices.length > 0 && choices.length <= choicesMax;
  return isPlain && bounds === undefined && pattern === undefined && check === undefined
    ? ({ kind: 'choice', choices } as const)
    : null;
}

const choicesMax = 64;

/** At least three characters, so that with the closing quotation mark there are four to compare at once. */
const plainText = /^[\w -]{3,64}$/;

function textOf({ bounds = {}, pattern, check }: FieldShape): CompiledValue | null {
  const lengthMin = bounds.minLength ?? 0;
  const lengthMax = bounds.maxLength ?? textLengthMax;
  if (pattern === undefined || pattern === withoutControls) {
    if (check !== undefined && check !== 'notACardNumber') return null;
    return { kind: 'text', lengthMin, lengthMax, isToken: check !== undefined };
  }
  const characters = byteRangesOf(pattern);
  if (characters === null || check !== undefined) return null;
  const isPossible = characters.length >= lengthMin && characters.length <= lengthMax;
  return isPossible ? { kind: 'pattern', characters } : null;
}

const textLengthMax = 65_536;

/** The pattern of ids; printable ASCII matches it. */
const withoutControls = '^[^\\p{Cc}\\p{Cs}]*$';
