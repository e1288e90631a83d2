import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSegmentLog } from '../../adapters/files/segment-log.ts';
import { parseRegistry } from '../../core/telemetry/registry.ts';
import { openTelemetryIntake } from '../../runtime/telemetry-intake.ts';
import { openTelemetry } from '../../runtime/telemetry.ts';
import { readingAt, stranger, thermometer } from '../telemetry/sample-plant.ts';

const registry = parseRegistry(JSON.stringify({ version: 1, devices: [thermometer] }));
let base: string;
let dir: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'weir-intake-'));
  dir = join(base, 'telemetry');
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function readings(from: number, count: number, device = thermometer) {
  return Array.from({ length: count }, (_, index) => {
    const reading = readingAt(device, (from + index) * 10, 20 + (index % 7));
    const { tenantId, plant } = reading;
    return { tenantId, plant, bytes: Buffer.from(JSON.stringify(reading)) };
  });
}

async function countsOf(of: string): Promise<Record<string, number>> {
  const run = openTelemetry({ dir: of, registry });
  await run.process({ lagRecordsMax: 0 });
  const counts = Object.fromEntries(run.counts);
  await run.close();
  return counts;
}

test('a batch that is sent again is counted once, and a sensor that nobody knows goes aside', async () => {
  const intake = await openTelemetryIntake({ dir, registry });
  const batch = readings(0, 700);
  await Promise.all([intake.append(batch), intake.append(batch), intake.append(readings(0, 3, stranger))]);
  await intake.close();
  await expect(intake.append(batch)).rejects.toMatchObject({ code: 'NOT_READY' });
  const counts = await countsOf(dir);
  expect(counts).toMatchObject({ accepted: 700, duplicates: 700, 'deadLetters.unknownSensor': 3 });
});

test('what was appended is in the log at that moment, and is watched by whoever opens it', async () => {
  const intake = await openTelemetryIntake({ dir, registry });
  await intake.append(readings(0, 40));
  // As a crash leaves it: the log alone.
  const left = join(base, 'left');
  cpSync(join(dir, 'log'), join(left, 'log'), { recursive: true });
  const log = openSegmentLog({ dir: join(left, 'log') });
  expect(log.endOffset).toBe(40);
  log.close();
  await intake.close();
  expect(await countsOf(left)).toMatchObject({ records: 40, accepted: 40 });
  const again = await openTelemetryIntake({ dir: left, registry });
  await again.append(readings(40, 10));
  await again.close();
  expect(await countsOf(left)).toMatchObject({ accepted: 50 });
});
