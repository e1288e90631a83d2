import type { Contract } from './contract.ts';
import { contractShape, type FieldShape } from './shape.ts';

/** What kind of value a field of a contract holds. */
export type FieldKind = {
  readonly kind: 'number' | 'text' | 'boolean';
  /** True for whole numbers only. */
  readonly integer: boolean;
  /** True when the field, or the object that holds it, may be missing or null. */
  readonly optional: boolean;
};

/** The fields of a contract that hold one value each, by dotted path such as `location.latitude`; lists are left out. */
export function fieldKinds(contract: Contract): ReadonlyMap<string, FieldKind> {
  const kinds = new Map<string, FieldKind>();
  addFields(kinds, { fields: contractShape(contract).fields, prefix: '', optional: false });
  return kinds;
}

type Level = {
  readonly fields: Readonly<Record<string, FieldShape>>;
  readonly prefix: string;
  readonly optional: boolean;
};

function addFields(kinds: Map<string, FieldKind>, level: Level): void {
  for (const [name, field] of Object.entries(level.fields)) {
    const path = level.prefix + name;
    const optional = level.optional || !field.required || field.nullable;
    if (field.fields !== undefined) addFields(kinds, { fields: field.fields, prefix: `${path}.`, optional });
    const kind = kindOf(field.type);
    if (kind !== null) kinds.set(path, { kind, integer: field.type === 'integer', optional });
  }
}

function kindOf(type: FieldShape['type']): FieldKind['kind'] | null {
  switch (type) {
    case 'string':
      return 'text';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'object':
    case 'array':
      return null;
  }
}
