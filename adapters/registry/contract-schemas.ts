import { avroSchemaOf } from '../../core/contract/avro-schema.ts';
import type { Contract } from '../../core/contract/contract.ts';
import { jsonSchemaOf } from '../../core/contract/json-schema.ts';
import { contractShape } from '../../core/contract/shape.ts';
import type { RegisteredSchema } from './port.ts';

/** A contract's schema in a language of registries. */
export function schemaOfContract(contract: Contract, kind: RegisteredSchema['kind']): RegisteredSchema {
  const schema = kind === 'avro' ? avroSchemaOf(contractShape(contract)) : jsonSchemaOf(contract);
  return { kind, text: JSON.stringify(schema) };
}
