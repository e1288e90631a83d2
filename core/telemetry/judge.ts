import type { Device } from '../contract/device.ts';
import type { Measurement, Verdict } from '../contract/measurement.ts';
import type { Reading } from '../contract/reading.ts';
import { convert } from './units.ts';

/** Holds a reading against what the registry knows of its sensor. */
export function judge(device: Device, { quality, ...reading }: Reading): Measurement {
  const converted = convert({ value: reading.value, from: reading.unit, to: device.unit });
  const value = converted ?? reading.value;
  const isConverted = converted !== null && reading.unit !== device.unit;
  const unit = converted === null ? reading.unit : device.unit;
  return { ...reading, value, unit, isConverted, verdict: verdictOf(device, { quality, converted }) };
}

function verdictOf(
  { rangeMin, rangeMax }: Device,
  { quality, converted }: { readonly quality: Reading['quality']; readonly converted: number | null },
): Verdict {
  if (quality === 'BAD') return 'bad';
  if (quality === 'UNCERTAIN') return 'uncertain';
  if (converted === null) return 'wrongUnit';
  return converted < rangeMin || converted > rangeMax ? 'outOfRange' : 'good';
}
