import { expect, test } from 'vitest';
import { convert } from '../../core/telemetry/units.ts';

test.each<readonly [value: number, from: string, to: string, converted: number]>([
  [212, 'degF', 'degC', 100],
  [32, 'degF', 'degC', 0],
  [300, 'K', 'degC', 300 - 273.15],
  [250, 'kPa', 'bar', 2.5],
  [1, 'in/s', 'mm/s', 25.4],
  [60, 'l/min', 'm3/h', 3.6],
  [1500, 'W', 'kW', 1.5],
  [100, 'degC', 'degF', 212],
])('%s %s is in %s: %s', (value, from, to, converted) => {
  expect(convert({ value, from, to })).toBe(converted);
});

test.each([
  ['degC', 'bar'],
  ['furlong', 'mm/s'],
  ['degC', 'furlong'],
])('%s is not converted to %s', (from, to) => {
  expect(convert({ value: 1, from, to })).toBeNull();
});

test('a unit that nobody knows is the same as itself, and what is too large is refused', () => {
  expect(convert({ value: 1, from: 'furlong', to: 'furlong' })).toBe(1);
  expect(convert({ value: 1e308, from: 'MPa', to: 'bar' })).toBeNull();
});
