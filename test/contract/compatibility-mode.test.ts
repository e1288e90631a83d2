import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { compatibilityModes, findIncompatible } from '../../core/contract/compatibility-mode.ts';
import type { Contract } from '../../core/contract/contract.ts';
import { type ContractsLock, contractsLock, parseContractsLock, succeed } from '../../core/contract/contracts-lock.ts';
import { paymentTimings } from '../../core/contract/payment-fields.ts';
import { contractShape } from '../../core/contract/shape.ts';
import { arbitraryOfFields } from './shape-arbitrary.ts';

const topic = 'plant.state.v1';

function contractOf(fields: z.core.$ZodLooseShape): Contract {
  const schema: z.ZodType = z.strictObject(fields);
  return { ...paymentTimings, topic, schema, key: 'id', nested: [], eventTimeField: 'eventTimeMs' };
}

function lockOf(contract: Contract): ContractsLock {
  return { version: 1, contracts: { [topic]: contractShape(contract) } };
}

/** Schemas of one field, such that two of them are often related. */
const leaf: fc.Arbitrary<z.ZodType> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 3, max: 5 }))
    .map(([min, max]) => z.string().min(min).max(max)),
  fc
    .tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: 3, max: 6 }))
    .map(([min, max]) => z.int().min(min).max(max)),
  fc.constantFrom(z.number(), z.int(), z.boolean(), z.string()),
  fc.subarray(['a', 'b', 'c'], { minLength: 1 }).map((values) => z.enum(values)),
  fc.constantFrom(z.array(z.int()), z.array(z.string().max(3)), z.array(z.number().nullable())),
);
const field: fc.Arbitrary<z.ZodType> = fc
  .tuple(leaf, fc.constantFrom('required', 'required', 'nullable', 'optional'))
  .map(([schema, presence]) => {
    if (presence === 'nullable') return schema.nullable();
    return presence === 'optional' ? z.exactOptional(schema) : schema;
  });
const inner = fc
  .record({ x: field, y: field }, { requiredKeys: ['x'] })
  .map((fields): z.ZodType => z.strictObject(fields as z.core.$ZodLooseShape));
const version = fc
  .record({ a: field, b: field, c: fc.oneof(field, inner) }, { requiredKeys: ['a'] })
  .map((fields) => contractOf(fields as z.core.$ZodLooseShape));
/** Two versions of a contract: the second has some fields of the first. */
const versions = fc.tuple(version, version, fc.subarray(['a', 'b', 'c'])).map(([first, other, kept]) => {
  const shapeOf = (contract: Contract) => (contract.schema as z.ZodObject).shape;
  const taken = Object.fromEntries(
    kept.flatMap((name) => (name in shapeOf(first) ? [[name, shapeOf(first)[name]]] : [])),
  );
  return [first, contractOf({ ...shapeOf(other), ...taken })] as const;
});

function valuesOf(contract: Contract, seed: number): unknown[] {
  return fc
    .sample(arbitraryOfFields(contractShape(contract).fields), { numRuns: 40, seed })
    .filter((value) => contract.schema.safeParse(value).success);
}

describe('compatibility', () => {
  test('is what readers do: with no finding they take whatever the other version may write', () => {
    let compatible = 0;
    let broken = 0;
    let witnessed = 0;
    fc.assert(
      fc.property(versions, fc.nat(), ([locked, current], seed) => {
        const findings = findIncompatible('FULL', { locked: lockOf(locked), current: lockOf(current) });
        for (const [direction, writer, reader] of [
          ['backward', locked, current],
          ['forward', current, locked],
        ] as const) {
          const found = findings.filter((finding) => finding.direction === direction);
          const refused = valuesOf(writer, seed).filter((value) => !reader.schema.safeParse(value).success);
          if (found.length === 0) expect(refused).toEqual([]);
          if (found.length === 0) compatible++;
          else broken++;
          if (refused.length > 0) witnessed++;
        }
      }),
      { numRuns: 400, seed: 5 },
    );
    expect(compatible).toBeGreaterThan(60);
    // A finding is not made of nothing: nearly all have a value that is refused.
    expect(witnessed / broken).toBeGreaterThan(0.9);
  });

  test('asks of each mode what its name says', () => {
    const v1 = contractOf({ id: z.string() });
    const v2 = contractOf({ id: z.string(), unit: z.string().exactOptional() });
    const v3 = contractOf({ id: z.string(), unit: z.string().exactOptional(), line: z.string().exactOptional() });
    const locked = succeed({ locked: lockOf(v1), current: lockOf(v2) });
    const found = Object.fromEntries(
      compatibilityModes.map((mode) => [
        mode,
        findIncompatible(mode, { locked, current: lockOf(v3) }).map(
          ({ field: name, rule, direction, versionsBack }) => `${direction} ${versionsBack} ${name} ${rule}`,
        ),
      ]),
    );
    // A reader of a closed contract refuses a field that it does not know.
    expect(found).toEqual({
      NONE: [],
      BACKWARD: [],
      BACKWARD_TRANSITIVE: [],
      FORWARD: ['forward 1 line fieldRemoved'],
      FORWARD_TRANSITIVE: ['forward 1 line fieldRemoved', 'forward 2 unit fieldRemoved', 'forward 2 line fieldRemoved'],
      FULL: ['forward 1 line fieldRemoved'],
      FULL_TRANSITIVE: ['forward 1 line fieldRemoved', 'forward 2 unit fieldRemoved', 'forward 2 line fieldRemoved'],
    });
  });

  test('that skips a version is found by the transitive modes alone', () => {
    const wide = contractOf({ id: z.string(), unit: z.enum(['degC', 'degF']).exactOptional() });
    const none = contractOf({ id: z.string(), unit: z.string().exactOptional() });
    const narrow = contractOf({ id: z.string(), unit: z.string().max(3).exactOptional() });
    const locked = succeed({ locked: lockOf(wide), current: lockOf(none) });
    const again = { locked: succeed({ locked, current: lockOf(none) }), current: lockOf(narrow) };
    expect(findIncompatible('BACKWARD', again)).toMatchObject([{ versionsBack: 1, rule: 'boundTightened' }]);
    expect(findIncompatible('BACKWARD_TRANSITIVE', again).map(({ versionsBack }) => versionsBack)).toContain(2);
  });

  test('keeps the history of a lock in its file, and only of what changed', () => {
    const before = contractsLock();
    const locked = succeed({ locked: lockOf(contractOf({ id: z.string() })), current: before });
    expect(Object.keys(locked.earlier ?? {})).toEqual([topic]);
    expect(parseContractsLock(JSON.stringify(locked))).toEqual(locked);
    expect(succeed({ locked, current: before })).toEqual(locked);
  });
});
