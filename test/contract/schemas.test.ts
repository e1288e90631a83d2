import { readFileSync } from 'node:fs';
import ajvModule from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAvro } from '../../adapters/registry/avro-type.ts';
import { avroSchemaOf, fromAvro, toAvro } from '../../core/contract/avro-schema.ts';
import { contracts } from '../../core/contract/contracts.ts';
import { jsonSchemaOf } from '../../core/contract/json-schema.ts';
import { contractShape } from '../../core/contract/shape.ts';
import { arbitraryOfFields } from './shape-arbitrary.ts';

const all = [...contracts.values()].map((contract) => [contract.topic, contract] as const);
const Ajv = ajvModule.default;

function golden(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../golden/schemas/${name}`, import.meta.url), 'utf8'));
}

describe('the schemas of the contracts', () => {
  test.each(all)('are those that others were given: %s', (topic, contract) => {
    expect(avroSchemaOf(contractShape(contract))).toEqual(golden(`${topic}.avsc`));
    expect(jsonSchemaOf(contract)).toEqual(golden(`${topic}.schema.json`));
  });

  test.each(all)('in Avro give back every event that the contract takes: %s', (_, contract) => {
    const shape = contractShape(contract);
    const type = parseAvro(JSON.stringify(avroSchemaOf(shape)));
    let taken = 0;
    fc.assert(
      fc.property(arbitraryOfFields(shape.fields), (drafted) => {
        const parsed = contract.schema.safeParse(drafted);
        if (!parsed.success) return;
        taken++;
        const event = parsed.data as Record<string, unknown>;
        const read = fromAvro(shape.fields, { ...type.fromBuffer(type.toBuffer(toAvro(shape.fields, event))) });
        expect(contract.schema.parse(read)).toEqual(event);
      }),
      { numRuns: 200, seed: 3 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test.each(all)('in JSON Schema take what the contract takes, and refuse what lacks a field: %s', (_, contract) => {
    const { $schema, ...schema } = jsonSchemaOf(contract);
    const validate = new Ajv({ strict: false, unicodeRegExp: true }).compile(schema);
    const shape = contractShape(contract);
    const required = Object.keys(shape.fields).filter((name) => shape.fields[name]?.required === true);
    for (const drafted of fc.sample(arbitraryOfFields(shape.fields), { numRuns: 200, seed: 4 })) {
      if (contract.schema.safeParse(drafted).success) expect(validate(drafted)).toBe(true);
      const { [required[0] ?? '']: _left, ...lacking } = drafted;
      expect(validate(lacking)).toBe(false);
      expect(validate({ ...drafted, unknown: 1 })).toBe(false);
    }
    expect($schema).toBe('http://json-schema.org/draft-07/schema#');
  });

  test('in Avro cannot say a field that may be missing and may be null, and says so', () => {
    const fields = { note: { type: 'string', required: false, nullable: true } } as const;
    expect(() => avroSchemaOf({ topic: 'a.b.v1', fields })).toThrow(
      'got a.b.v1.note that may be missing and may be null',
    );
  });
});
