import { z } from 'zod';
import type { Contract } from './contract.ts';

/** The JSON Schema of a contract's events: draft 7, which every registry takes. */
export function jsonSchemaOf({ topic, schema }: Pick<Contract, 'topic' | 'schema'>): z.core.JSONSchema.BaseSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return { ...($schema === undefined ? {} : { $schema }), $id: `urn:weir:${topic}`, title: topic, ...rest };
}
