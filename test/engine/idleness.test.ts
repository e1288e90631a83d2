import { describe, expect, test } from 'vitest';
import { createIdleness, endPartition, noteSpoken, rest, tick, wake } from '../../core/engine/idleness.ts';
import { decodeControl, encodeTick } from '../../core/engine/ticks.ts';
import { advanceWatermark, createWatermarks } from '../../core/engine/watermark.ts';

/** Inputs a and b of partition 0 that spoke at ingest time 1000 and are idle after 50. */
function twoInputs() {
  const idleness = createIdleness();
  const watermarks = createWatermarks();
  for (const [input, watermarkMs] of [
    ['a/0', 100],
    ['b/0', 300],
  ] as const) {
    noteSpoken(idleness, { input, ingestTimeMs: 1000, idleMs: 50 });
    advanceWatermark(watermarks, input, watermarkMs);
  }
  return { idleness, watermarks };
}

describe('idleness', () => {
  test('an input that speaks holds the others back, one that has been silent for its time does not', () => {
    const { idleness, watermarks } = twoInputs();
    expect(watermarks.stateMs).toBe(100);
    noteSpoken(idleness, { input: 'b/0', ingestTimeMs: 1040, idleMs: 50 });
    tick(idleness, watermarks, { partition: 0, ingestTimeMs: 1049 });
    expect(watermarks.stateMs).toBe(100);
    tick(idleness, watermarks, { partition: 0, ingestTimeMs: 1050 });
    expect(watermarks.stateMs).toBe(300);
  });

  test('an input that speaks again holds the others back again, and the watermark never moves back', () => {
    const { idleness, watermarks } = twoInputs();
    noteSpoken(idleness, { input: 'b/0', ingestTimeMs: 1040, idleMs: 50 });
    tick(idleness, watermarks, { partition: 0, ingestTimeMs: 1060 });
    expect(wake(idleness, watermarks, 'a/0')).toBe(true);
    advanceWatermark(watermarks, 'b/0', 900);
    expect(watermarks.stateMs).toBe(300);
    advanceWatermark(watermarks, 'a/0', 700);
    expect(watermarks.stateMs).toBe(700);
  });

  test('when all are silent the watermark is the greatest, in whatever order they fell silent', () => {
    const together = twoInputs();
    tick(together.idleness, together.watermarks, { partition: 0, ingestTimeMs: 1060 });
    const inTurn = twoInputs();
    noteSpoken(inTurn.idleness, { input: 'a/0', ingestTimeMs: 1030, idleMs: 50 });
    tick(inTurn.idleness, inTurn.watermarks, { partition: 0, ingestTimeMs: 1060 });
    expect(inTurn.watermarks.stateMs).toBe(100);
    tick(inTurn.idleness, inTurn.watermarks, { partition: 0, ingestTimeMs: 1090 });
    expect([together.watermarks.stateMs, inTurn.watermarks.stateMs]).toEqual([300, 300]);
  });

  test('waking for an event that is refused can be undone', () => {
    const { idleness, watermarks } = twoInputs();
    tick(idleness, watermarks, { partition: 0, ingestTimeMs: 1060 });
    const before = structuredClone({ idleness, watermarks });
    expect(wake(idleness, watermarks, 'a/0')).toBe(true);
    rest(idleness, watermarks, 'a/0');
    expect({ idleness, watermarks }).toEqual(before);
    expect(wake(idleness, watermarks, 'c/0')).toBe(false);
  });

  test('a tick tells of its own partition alone', () => {
    const { idleness, watermarks } = twoInputs();
    tick(idleness, watermarks, { partition: 10, ingestTimeMs: 9999 });
    expect(watermarks.stateMs).toBe(100);
  });

  test('a partition that has ended holds nobody back', () => {
    const { idleness, watermarks } = twoInputs();
    noteSpoken(idleness, { input: 'a/1', ingestTimeMs: 1000, idleMs: 50 });
    advanceWatermark(watermarks, 'a/1', 80);
    endPartition(idleness, watermarks, 1);
    advanceWatermark(watermarks, 'a/0', 200);
    expect(watermarks.stateMs).toBe(200);
  });
});

describe('control records', () => {
  test('a tick says after which offset it applies', () => {
    expect(decodeControl(encodeTick({ kind: 'tick', afterOffset: 41 }))).toEqual({ kind: 'tick', afterOffset: 41 });
    expect(decodeControl(encodeTick({ kind: 'tick', afterOffset: -1 }))).toEqual({ kind: 'tick', afterOffset: -1 });
  });

  test('one without bytes is the end of the input', () => {
    expect(decodeControl(new Uint8Array())).toEqual({ kind: 'endOfInput' });
  });

  test('one that says something else stops the run', () => {
    const bytes = new TextEncoder().encode('{"kind":"tock"}');
    expect(() => decodeControl(bytes)).toThrow('got the control record {"kind":"tock"}, expected a tick');
  });
});
