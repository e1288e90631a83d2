import type { Reading } from '../core/contract/reading.ts';
import type { SentReading } from './plants.ts';
import { createMeasured, measure, type Measured } from './plants-values.ts';
import type { PlantSensor, PlantWorld } from './plants-world.ts';

/** Writes readings as canonical JSON without making an object of them. */
export type ReadingWriter = {
  /** Writes at `at` and gives the end. Throws a `RangeError` when `bytes` is too small: `readingSizeBytesMax` is enough. */
  readonly write: (sent: SentReading, bytes: Uint8Array, at: number) => number;
};

/** The most bytes that a generated reading has. */
export const readingSizeBytesMax = 512;

/** Readings from the future are an hour ahead. */
const futureMs = 3_600_000;

/** The reading that was sent, as an object. */
export function readingOf(world: PlantWorld, sent: SentReading): Reading {
  const measured = createMeasured();
  measureSent(world, measured, sent);
  const { tenantId, plant, line, machine, sensor, metric } = world.sensors[sent.sensor]!.device;
  const { eventTimeMs, quality, unit, valueThousandths } = measured;
  const readingId = `${sent.sensor}-${sent.sentAs === 'future' ? -sent.tick : sent.tick}`;
  const value = valueThousandths / 1000;
  return { eventTimeMs, line, machine, metric, plant, quality, readingId, sensor, tenantId, unit, value };
}

/** A writer of the world's readings; what does not change of a sensor is encoded once. */
export function createReadingWriter(world: PlantWorld): ReadingWriter {
  const parts = world.sensors.map(partsOf);
  const measured = createMeasured();
  return {
    write: (sent, bytes, at) => {
      measureSent(world, measured, sent);
      const { head, middle, tail } = parts[sent.sensor]!;
      let end = put(bytes, at, opening);
      end = putWhole(bytes, end, measured.eventTimeMs);
      end = put(bytes, end, head);
      end = put(bytes, end, qualityBytes[measured.quality]);
      end = putWhole(bytes, put(bytes, end, idBytes), sent.sensor);
      bytes[end++] = 0x2d;
      end = putWhole(bytes, end, sent.sentAs === 'future' ? -sent.tick : sent.tick);
      end = put(bytes, end, middle);
      end = put(bytes, end, unitBytes(measured.unit));
      end = put(bytes, end, tail);
      end = putThousandths(bytes, end, measured.valueThousandths);
      bytes[end] = 0x7d;
      return end + 1;
    },
  };
}

function measureSent(world: PlantWorld, into: Measured, { sensor, tick, ingestTimeMs, sentAs }: SentReading): void {
  if (!measure(world, into, sensor, tick))
    throw new Error(`got tick ${tick} of sensor ${sensor}, expected one it speaks in`);
  if (sentAs === 'conflict') into.valueThousandths += 1000;
  if (sentAs === 'future') into.eventTimeMs = ingestTimeMs + futureMs;
}

const opening = Buffer.from('{"eventTimeMs":');
const idBytes = Buffer.from('","readingId":"');
const qualityBytes = { GOOD: Buffer.from('GOOD'), BAD: Buffer.from('BAD'), UNCERTAIN: Buffer.from('UNCERTAIN') };

type Parts = { readonly head: Uint8Array; readonly middle: Uint8Array; readonly tail: Uint8Array };

function partsOf({ device }: PlantSensor): Parts {
  const { tenantId, plant, line, machine, sensor, metric } = device;
  const head = JSON.stringify({ line, machine, metric, plant }).slice(1, -1);
  const middle = JSON.stringify({ sensor, tenantId }).slice(1, -1);
  return {
    head: Buffer.from(`,${head},"quality":"`),
    middle: Buffer.from(`",${middle},"unit":`),
    tail: Buffer.from(',"value":'),
  };
}

const units = new Map<string, Uint8Array>();

function unitBytes(unit: string): Uint8Array {
  let bytes = units.get(unit);
  if (bytes === undefined) units.set(unit, (bytes = Buffer.from(JSON.stringify(unit))));
  return bytes;
}

function put(bytes: Uint8Array, at: number, part: Uint8Array): number {
  for (let index = 0; index < part.length; index++) bytes[at + index] = part[index]!;
  const end = at + part.length;
  if (end > bytes.length) throw new RangeError(`got ${bytes.length} bytes, expected room up to ${end}`);
  return end;
}

function putWhole(bytes: Uint8Array, at: number, value: number): number {
  let rest = Math.abs(value);
  let end = value < 0 ? at + 1 : at;
  if (value < 0) bytes[at] = 0x2d;
  for (let left = rest; left >= 10; left = Math.floor(left / 10)) end++;
  for (let place = end; ; place--) {
    const next = Math.floor(rest / 10);
    bytes[place] = 0x30 + (rest - next * 10);
    rest = next;
    if (rest === 0) break;
  }
  return end + 1;
}

/** As JavaScript prints a number of thousandths: no zeros at its end. */
function putThousandths(bytes: Uint8Array, at: number, thousandths: number): number {
  const size = Math.abs(thousandths);
  const whole = Math.floor(size / 1000);
  let end = at;
  if (thousandths < 0) bytes[end++] = 0x2d;
  end = putWhole(bytes, end, whole);
  let fraction = size - whole * 1000;
  if (fraction === 0) return end;
  bytes[end++] = 0x2e;
  for (let unit = 100; fraction > 0; unit /= 10) {
    const digit = Math.floor(fraction / unit);
    bytes[end++] = 0x30 + digit;
    fraction -= digit * unit;
  }
  return end;
}
