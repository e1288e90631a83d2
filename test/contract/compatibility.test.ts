import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  type CompatibleRule,
  compareShapes,
  compatibleChanges,
  type IncompatibleRule,
} from '../../core/contract/compatibility.ts';
import type { Contract } from '../../core/contract/contract.ts';
import {
  type ContractsLock,
  contractsLock,
  contractsLockText,
  parseContractsLock,
} from '../../core/contract/contracts-lock.ts';
import { contracts } from '../../core/contract/contracts.ts';
import { paymentTimings } from '../../core/contract/payment-fields.ts';
import { contractShape } from '../../core/contract/shape.ts';

const topic = 'plant.reading.v1';

function sensorOf(pattern: RegExp): z.ZodString {
  return z.string().min(1).max(10).regex(pattern).meta({ check: 'notSecret' });
}

const fields = {
  eventTimeMs: z.int().min(0).max(1000),
  sensor: sensorOf(/^[a-z]+$/),
  quality: z.enum(['good', 'bad']),
  unit: z.string().exactOptional(),
  value: z.number().nullable(),
  count: z.int(),
  place: z.strictObject({ line: z.string() }).exactOptional(),
  tags: z.array(z.string().max(5)),
};

function reading(change: z.core.$ZodLooseShape): Contract {
  return contractWith({ ...fields, ...change });
}

function contractWith(shape: z.core.$ZodLooseShape): Contract {
  const schema: z.ZodType = z.strictObject(shape);
  return { ...paymentTimings, topic, schema, key: 'sensor', nested: [], eventTimeField: 'eventTimeMs' };
}

function lockOf(...list: readonly Contract[]): ContractsLock {
  return {
    version: 1,
    contracts: Object.fromEntries(list.map((contract) => [contract.topic, contractShape(contract)])),
  };
}

function without(field: keyof typeof fields): Contract {
  return contractWith(Object.fromEntries(Object.entries(fields).filter(([name]) => name !== field)));
}

function withShape(change: object): ContractsLock {
  const shape = contractShape(reading({}));
  return { version: 1, contracts: { [topic]: { ...shape, ...change } } };
}

const locked = lockOf(reading({}));

describe('the committed lock', () => {
  const text = readFileSync(new URL('../../contracts.lock.json', import.meta.url), 'utf8');

  test('equals the lock of the contracts', () => {
    expect(contracts.size).toBe(8);
    expect(text).toBe(contractsLockText(contractsLock()));
  });

  test('reads back as the same lock, without a change to the contracts', () => {
    const committed = parseContractsLock(text);
    expect(committed).toEqual(contractsLock());
    expect(compareShapes({ locked: committed, current: contractsLock() })).toEqual([]);
    expect(compatibleChanges({ locked: committed, current: contractsLock() })).toEqual([]);
  });

  test('is refused when it is something else', () => {
    expect(() => parseContractsLock('{"version":2}')).toThrow('version');
    expect(() => parseContractsLock('{')).toThrow('JSON');
  });
});

const incompatible: readonly (readonly [rule: IncompatibleRule, field: string, current: ContractsLock])[] = [
  ['contractRemoved', '', { version: 1, contracts: {} }],
  ['keyChanged', '', withShape({ key: 'unit' })],
  ['idFieldChanged', '', withShape({ idField: 'unit' })],
  ['eventTimeFieldChanged', '', withShape({ eventTimeField: 'count' })],
  ['fieldRemoved', 'unit', lockOf(without('unit'))],
  ['fieldRemoved', 'place.line', lockOf(reading({ place: z.strictObject({}).exactOptional() }))],
  ['requiredFieldAdded', 'plant', lockOf(reading({ plant: z.string() }))],
  ['becameRequired', 'unit', lockOf(reading({ unit: z.string() }))],
  ['typeChanged', 'count', lockOf(reading({ count: z.string() }))],
  ['typeChanged', 'value', lockOf(reading({ value: z.int().nullable() }))],
  ['nullRefused', 'value', lockOf(reading({ value: z.number() }))],
  ['valueRemoved', 'quality', lockOf(reading({ quality: z.enum(['good']) }))],
  ['valueRemoved', 'unit', lockOf(reading({ unit: z.enum(['celsius']).exactOptional() }))],
  ['boundTightened', 'eventTimeMs', lockOf(reading({ eventTimeMs: z.int().min(1).max(1000) }))],
  ['boundTightened', 'eventTimeMs', lockOf(reading({ eventTimeMs: z.int().min(0).max(999) }))],
  ['boundTightened', 'unit', lockOf(reading({ unit: z.string().max(3).exactOptional() }))],
  ['boundTightened', 'tags', lockOf(reading({ tags: z.array(z.string().max(5)).max(3) }))],
  ['boundTightened', 'tags[]', lockOf(reading({ tags: z.array(z.string().max(4)) }))],
  ['patternChanged', 'unit', lockOf(reading({ unit: z.string().regex(/^K$/).exactOptional() }))],
  ['patternChanged', 'sensor', lockOf(reading({ sensor: sensorOf(/^[a-f]+$/) }))],
  ['checkChanged', 'unit', lockOf(reading({ unit: z.string().meta({ check: 'notSecret' }).exactOptional() }))],
];

describe('a change that refuses what was accepted', () => {
  test.each(incompatible)('%s at %s is incompatible', (rule, field, current) => {
    const found = compareShapes({ locked, current });
    expect(found.map((change) => [change.topic, change.rule, change.field])).toEqual([[topic, rule, field]]);
  });

  test('has a case for every rule', () => {
    const rules: Record<IncompatibleRule, true> = {
      contractRemoved: true,
      keyChanged: true,
      idFieldChanged: true,
      eventTimeFieldChanged: true,
      fieldRemoved: true,
      requiredFieldAdded: true,
      becameRequired: true,
      typeChanged: true,
      nullRefused: true,
      valueRemoved: true,
      boundTightened: true,
      patternChanged: true,
      checkChanged: true,
    };
    expect(new Set(incompatible.map(([rule]) => rule))).toEqual(new Set(Object.keys(rules)));
  });

  test('says what was locked and what is current', () => {
    const current = lockOf(reading({ eventTimeMs: z.int().min(1).max(1000) }));
    expect(compareShapes({ locked, current })).toEqual([
      { topic, field: 'eventTimeMs', rule: 'boundTightened', locked: 'minimum 0', current: 'minimum 1' },
    ]);
  });
});

const compatible: readonly (readonly [rule: CompatibleRule, field: string, current: ContractsLock])[] = [
  ['contractAdded', '', lockOf(reading({}), { ...reading({}), topic: 'plant.alarm.v1' })],
  ['settingChanged', 'allowedLatenessMs', lockOf({ ...reading({}), allowedLatenessMs: 1 })],
  ['settingChanged', 'partitions', lockOf({ ...reading({}), partitions: 1 })],
  ['nestedChanged', '', lockOf({ ...reading({}), nested: ['unit'] })],
  ['labelsChanged', '', lockOf({ ...reading({}), labels: { bad: { topic, refersTo: 'sensor', knownAfter: '1d' } } })],
  ['optionalFieldAdded', 'plant', lockOf(reading({ plant: z.strictObject({ id: z.string() }).exactOptional() }))],
  ['becameOptional', 'count', lockOf(reading({ count: z.int().exactOptional() }))],
  ['typeWidened', 'eventTimeMs', lockOf(reading({ eventTimeMs: z.number().min(0).max(1000) }))],
  ['nullAccepted', 'count', lockOf(reading({ count: z.int().nullable() }))],
  ['valueAdded', 'quality', lockOf(reading({ quality: z.enum(['good', 'bad', 'uncertain']) }))],
  ['valueAdded', 'quality', lockOf(reading({ quality: z.string() }))],
  ['boundWidened', 'eventTimeMs', lockOf(reading({ eventTimeMs: z.int().min(0).max(1001) }))],
  ['patternRemoved', 'sensor', lockOf(reading({ sensor: z.string().min(1).max(10).meta({ check: 'notSecret' }) }))],
  [
    'checkRemoved',
    'sensor',
    lockOf(
      reading({
        sensor: z
          .string()
          .min(1)
          .max(10)
          .regex(/^[a-z]+$/),
      }),
    ),
  ],
];

describe('a change that accepts all that was accepted', () => {
  test.each(compatible)('%s at %s is compatible', (rule, field, current) => {
    expect(compareShapes({ locked, current })).toEqual([]);
    const found = compatibleChanges({ locked, current });
    expect(found.map((change) => [change.rule, change.field])).toEqual([[rule, field]]);
  });

  test('an enum that swaps a value is both a removal and an addition', () => {
    const current = lockOf(reading({ quality: z.enum(['good', 'uncertain']) }));
    expect(compareShapes({ locked, current }).map(({ rule }) => rule)).toEqual(['valueRemoved']);
    expect(compatibleChanges({ locked, current }).map(({ rule }) => rule)).toEqual(['valueAdded']);
  });
});

describe('the shape of a contract', () => {
  test.each([
    ['a union', z.union([z.string(), z.int()])],
    ['an open object', z.object({ id: z.string() })],
    ['the keyword allOf', z.string().regex(/a/).regex(/b/)],
    ['the keyword multipleOf', z.number().multipleOf(5)],
    ['a tuple', z.tuple([z.string()])],
    ['a field of any type', z.array(z.unknown())],
  ])('refuses %s, which it cannot say', (_name, schema) => {
    expect(() => contractShape(reading({ odd: schema }))).toThrow(`at ${topic}.odd`);
  });

  test('refuses a contract that is no object', () => {
    expect(() => contractShape({ ...reading({}), schema: z.string() })).toThrow('expected an object');
  });
});
