import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { createTally } from '../../bin/tally.ts';
import { alarmLines, telemetryLines } from '../../bin/telemetry-view.ts';
import { telemetryWorld } from '../../bin/telemetry-world.ts';
import type { Alarm } from '../../core/telemetry/alarm.ts';
import { createRegistry } from '../../core/telemetry/registry.ts';
import { openTelemetry } from '../../runtime/telemetry.ts';
import { simulateReadings } from '../../simulate/plants.ts';
import { createReadingWriter, readingSizeBytesMax } from '../../simulate/plants-bytes.ts';
import { temporaryDirectory } from './weir-process.ts';

const world = telemetryWorld({ seed: 1, readings: 20_000, disturbance: 'some' });

const { dir, remove } = temporaryDirectory();
afterAll(remove);

function watched() {
  const registry = createRegistry(world.sensors.map(({ device }) => device));
  const run = openTelemetry({ dir: join(dir, String(runs++)), registry });
  const demo = { title: 'weir demo', run, tally: createTally(), alarms: new Map<string, Alarm>(), tierRows: 0 };
  const lines = (): string[] => telemetryLines({ ...demo, ingestTimeMs: 0 }).map(stripVTControlCharacters);
  return { ...demo, lines };
}

let runs = 0;

async function take({ run, alarms }: ReturnType<typeof watched>): Promise<void> {
  const writer = createReadingWriter(world);
  const readings = simulateReadings(world).map((sent, sourcePosition) => {
    const bytes = new Uint8Array(readingSizeBytesMax);
    const end = writer.write(sent, bytes, 0);
    const { ingestTimeMs } = sent;
    return { topic: 'telemetry.reading.v1', sourcePosition, ingestTimeMs, bytes: bytes.subarray(0, end) };
  });
  await run.append([...readings]);
  await run.process({
    lagRecordsMax: 0,
    onBatch: (report) => {
      for (const alarm of report.alarms) alarms.set(alarm.alarmId, alarm);
    },
  });
  await run.close();
}

test('the live view of plants has the same height before and after, fits 80 by 24 and shows what is so', async () => {
  const demo = watched();
  const before = demo.lines();
  await take(demo);
  const after = demo.lines();
  expect(after).toHaveLength(before.length);
  expect(after.length).toBeLessThan(24);
  expect([...before, ...after].filter((line) => line.length > 79)).toEqual([]);
  expect(before.join('\n')).toContain('alarms     none yet');
  const high = demo.run.counts.get('alarms.high') ?? 0;
  expect(high).toBeGreaterThan(0);
  expect(after.find((line) => line.startsWith('alarms'))).toContain(`high ${high}`);
  expect(after.filter((line) => /^(high|low|range|stuck|silent|offline) +(since|ended)/.test(line))).toHaveLength(4);
});

test('an alarm says the whole path of its sensor, and instants without their date', async () => {
  const demo = watched();
  await take(demo);
  const silent = [...demo.alarms.values()].find(({ kind }) => kind === 'silent');
  if (silent === undefined) throw new Error('got no silent sensor, expected one');
  const [head, cause] = alarmLines(silent);
  expect(head).toContain(`${silent.plant}/${silent.line}/${silent.machine}/${silent.sensor}`);
  expect(cause).toMatch(/ since \d\d:\d\d:\d\d, /);
});
