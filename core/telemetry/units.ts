type Unit = { readonly dimension: string; readonly shift: number; readonly times: number; readonly by: number };

/**
 * A value in the base unit of its dimension is `(value + shift) * times / by`. Factors are exact but for the pound-force
 * per square inch (NIST SP 811, appendix B: https://www.nist.gov/pml/special-publication-811).
 */
const units: ReadonlyMap<string, Unit> = new Map([
  ['degC', { dimension: 'temperature', shift: 0, times: 1, by: 1 }],
  ['degF', { dimension: 'temperature', shift: -32, times: 5, by: 9 }],
  ['K', { dimension: 'temperature', shift: -273.15, times: 1, by: 1 }],
  ['bar', { dimension: 'pressure', shift: 0, times: 1, by: 1 }],
  ['mbar', { dimension: 'pressure', shift: 0, times: 1, by: 1000 }],
  ['Pa', { dimension: 'pressure', shift: 0, times: 1, by: 100_000 }],
  ['kPa', { dimension: 'pressure', shift: 0, times: 1, by: 100 }],
  ['MPa', { dimension: 'pressure', shift: 0, times: 10, by: 1 }],
  ['psi', { dimension: 'pressure', shift: 0, times: 0.068_947_572_931_783_1, by: 1 }],
  ['mm/s', { dimension: 'velocity', shift: 0, times: 1, by: 1 }],
  ['m/s', { dimension: 'velocity', shift: 0, times: 1000, by: 1 }],
  ['in/s', { dimension: 'velocity', shift: 0, times: 127, by: 5 }],
  ['m3/h', { dimension: 'flow', shift: 0, times: 1, by: 1 }],
  ['l/min', { dimension: 'flow', shift: 0, times: 3, by: 50 }],
  ['l/s', { dimension: 'flow', shift: 0, times: 18, by: 5 }],
  ['kW', { dimension: 'power', shift: 0, times: 1, by: 1 }],
  ['W', { dimension: 'power', shift: 0, times: 1, by: 1000 }],
  ['MW', { dimension: 'power', shift: 0, times: 1000, by: 1 }],
]);

/** A value, the unit that it is in, and the one that it is wanted in. */
export type Conversion = { readonly value: number; readonly from: string; readonly to: string };

/**
 * The value in the wanted unit; null where the units are of different dimensions, one of them is not known, or the value
 * is too large for it. Goes through the base unit, so the result is the same wherever it is computed.
 */
export function convert({ value, from, to }: Conversion): number | null {
  if (from === to) return value;
  const source = units.get(from);
  const target = units.get(to);
  if (source === undefined || target === undefined || source.dimension !== target.dimension) return null;
  const base = ((value + source.shift) * source.times) / source.by;
  const converted = (base * target.by) / target.times - target.shift + 0;
  return Number.isFinite(converted) ? converted : null;
}
