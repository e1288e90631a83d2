import { describe, expect, test } from 'vitest';
import { parse } from 'csv-parse/sync';
import {
  createRegistry,
  parseRegistry,
  registryCsv,
  registryOfRows,
  registryText,
  rowOf,
} from '../../core/telemetry/registry.ts';
import { neighbour, stranger, thermometer } from './sample-plant.ts';

const devices = [thermometer, stranger, { ...neighbour, expectedIntervalMs: 5000, refractoryMs: 7 }];

function table(text: string): Record<string, string>[] {
  return parse(text, { columns: true });
}

describe('a registry', () => {
  test('is the same from JSON and from CSV', () => {
    const { stuckAfterMs: _, ...never } = { ...neighbour, sensor: 'a "quoted", name' };
    const all = [...devices, never];
    expect(parseRegistry(registryText(all)).devices).toEqual(all);
    expect(registryOfRows(table(registryCsv(all))).devices).toEqual(all);
  });

  test('finds a sensor by its whole path, and the plant of each', () => {
    const registry = createRegistry(devices);
    expect([rowOf(registry, neighbour), rowOf(registry, { ...neighbour, line: 'line-9' })]).toEqual([2, -1]);
    expect(registry.plants.map(({ plant, rows }) => [plant, rows])).toEqual([
      ['plant-1', [0, 2]],
      ['plant-2', [1]],
    ]);
    expect(registry.plantOfRow).toEqual([0, 1, 0]);
    expect(registry.plants[0]).toMatchObject({ expectedIntervalMsMin: 5000, refractoryMsMax: 120_000 });
  });

  test.each<readonly [what: string, read: () => unknown, message: string]>([
    ['text that is not JSON', () => parseRegistry('{'), 'not JSON'],
    ['no devices', () => parseRegistry('{"version":1,"devices":[]}'), 'at devices'],
    [
      'a sensor that is there twice',
      () => parseRegistry(registryText([thermometer, thermometer])),
      'line-1/machine-1/temperature-1 twice',
    ],
    [
      'a range that is upside down',
      () => parseRegistry(registryText([{ ...thermometer, rangeMin: 300 }])),
      'rangeMin < rangeMax',
    ],
    [
      'a number in a table that is none',
      () => registryOfRows(table(registryCsv(devices).replace('10000', 'ten'))),
      'row 1, column expectedIntervalMs',
    ],
    [
      'a table without a column',
      () => registryOfRows(table(registryCsv(devices).replace('rangeMax', 'top'))),
      'row 1, column rangeMax',
    ],
  ])('refuses %s, and says where', (_, read, message) => {
    expect(read).toThrow(message);
    expect(read).toThrow(expect.objectContaining({ code: 'REGISTRY_BAD' }));
  });
});
