import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { openTelemetryMemory } from '../../bin/telemetry-memory.ts';
import { alarmLines, telemetryLines } from '../../bin/telemetry-view.ts';
import { telemetryWorld } from '../../bin/telemetry-world.ts';
import { createRegistry } from '../../core/telemetry/registry.ts';
import { simulateReadings } from '../../simulate/plants.ts';
import { createReadingWriter, readingSizeBytesMax } from '../../simulate/plants-bytes.ts';

const world = telemetryWorld({ seed: 1, readings: 20_000, disturbance: 'some' });

function watched() {
  const memory = openTelemetryMemory(createRegistry(world.sensors.map(({ device }) => device)));
  const view = { title: 'weir demo', memory, startMs: performance.now(), pace: () => 1, ingestTimeMs: () => 0 };
  const lines = (): string[] => telemetryLines(view).map(stripVTControlCharacters);
  return { memory, lines };
}

function take({ memory }: ReturnType<typeof watched>): void {
  const writer = createReadingWriter(world);
  const records = [...simulateReadings(world)].map((sent, offset) => {
    const bytes = new Uint8Array(readingSizeBytesMax);
    const end = writer.write(sent, bytes, 0);
    const { ingestTimeMs } = sent;
    return { topic: 'telemetry.reading.v1', partition: 0, offset, ingestTimeMs, bytes: bytes.subarray(0, end) };
  });
  memory.take(records);
}

test('the live view of plants has the same height before and after, fits 80 by 24 and shows what is so', () => {
  const demo = watched();
  const before = demo.lines();
  take(demo);
  const after = demo.lines();
  expect(after).toHaveLength(before.length);
  expect(after.length).toBeLessThan(24);
  expect([...before, ...after].filter((line) => line.length > 79)).toEqual([]);
  expect(before.join('\n')).toContain('alarms     none yet');
  const high = demo.memory.counts.get('alarms.high') ?? 0;
  expect(high).toBeGreaterThan(0);
  expect(after.find((line) => line.startsWith('alarms'))).toContain(`high ${high}`);
  expect(after.filter((line) => /^(high|low|range|stuck|silent|offline) +(since|ended)/.test(line))).toHaveLength(4);
});

test('an alarm says the whole path of its sensor, and instants without their date', () => {
  const demo = watched();
  take(demo);
  const silent = [...demo.memory.alarms.values()].find(({ kind }) => kind === 'silent');
  if (silent === undefined) throw new Error('got no silent sensor, expected one');
  const [head, cause] = alarmLines(silent);
  expect(head).toContain(`${silent.plant}/${silent.line}/${silent.machine}/${silent.sensor}`);
  expect(cause).toMatch(/ since \d\d:\d\d:\d\d, /);
});
