import { describe, expect, test } from 'vitest';
import type { Alarm } from '../../core/telemetry/alarm.ts';
import { neighbour, readingAt, sentAt, startMs, stranger, thermometer } from './sample-plant.ts';
import { alarmsOf, countOf, logOf, run, type Sent, telemetryOf } from './telemetry-run.ts';

const telemetry = telemetryOf([thermometer, neighbour]);

/** Alarms as a reader writes them: kind, what happened, and the second since the start. */
function story(alarms: readonly Alarm[]): string[] {
  return alarms.map(({ kind, sensor, revision, startedAtMs, raisedAtMs, endedAtMs }) => {
    const second = (timeMs: number | null): string => (timeMs === null ? '-' : `${(timeMs - startMs) / 1000}`);
    const times = revision === 0 ? `raised ${second(raisedAtMs)}` : `ended ${second(endedAtMs)}`;
    return `${sensor ?? 'plant'} ${kind} of ${second(startedAtMs)} ${times}`;
  });
}

/** The neighbour speaks all the time, so that the plant's watermark moves; its values move by more than the deadband. */
function withNeighbour(readings: readonly Sent[], untilSecond: number): Sent[] {
  const beside = Array.from({ length: untilSecond / 10 + 1 }, (_, index) =>
    sentAt(neighbour, index * 10, 50 + (index % 2)),
  );
  return [...readings, ...beside].toSorted((left, right) => left.ingestTimeMs - right.ingestTimeMs);
}

function told(readings: readonly Sent[], untilSecond: number): string[] {
  return story(alarmsOf(run(telemetry, logOf(withNeighbour(readings, untilSecond)))));
}

describe('a limit', () => {
  test('raises one alarm an episode, which ends below the limit less the deadband', () => {
    //   second     0   10  20    30  40    50
    //   value      80  95  90.2  91  89.6  89.5     above 90 from 10 on, back at 89.5
    const values = [80, 95, 90.2, 91, 89.6, 89.5];
    expect(
      told(
        values.map((value, index) => sentAt(thermometer, index * 10, value)),
        50,
      ),
    ).toEqual(['temperature-1 high of 10 raised 10', 'temperature-1 high of 10 ended 50']);
  });

  test('holds its next alarm back until the refractory period is over, and then raises it if it still holds', () => {
    //   10 raised, 20 ended; above again from 30 on, held back until 130 = 10 + 120
    const values = [80, 95, 80, ...Array.from({ length: 13 }, (_, index) => 95 + index)];
    const readings = values.map((value, index) => sentAt(thermometer, index * 10, value));
    expect(told(readings, 150)).toEqual([
      'temperature-1 high of 10 raised 10',
      'temperature-1 high of 10 ended 20',
      'temperature-1 high of 30 raised 130',
    ]);
    const ran = run(telemetry, logOf(withNeighbour(readings, 150)));
    expect([countOf(ran, 'alarms.suppressed'), countOf(ran, 'alarms.high')]).toEqual([1, 2]);
  });

  test('is of the lower one as well, and not of a reading outside of what the sensor can measure', () => {
    const readings = [80, 9, 20, -60, 21].map((value, index) => sentAt(thermometer, index * 10, value));
    expect(told(readings, 50)).toEqual([
      'temperature-1 low of 10 raised 10',
      'temperature-1 low of 10 ended 20',
      'temperature-1 range of 30 raised 30',
      'temperature-1 range of 30 ended 40',
    ]);
  });

  test('is judged in the unit of the registry', () => {
    const body = readingAt(thermometer, 10, 212, { unit: 'degF' });
    const [alarm] = alarmsOf(run(telemetry, logOf([{ ingestTimeMs: body.eventTimeMs, body }])));
    expect(alarm).toMatchObject({ kind: 'high', cause: 'temperature 100 degC is above 90 degC' });
    expect(alarm?.values).toEqual([{ eventTimeMs: startMs + 10_000, value: 100 }]);
  });
});

describe('a silent sensor', () => {
  test('is reported two intervals after its last reading, by the watermark, and is back when it speaks', () => {
    // Watermark = newest - 10 s. The last reading is of second 20: due at 40, which the watermark reaches at second 50.
    const readings = [0, 10, 20, 80, 90].map((second) => sentAt(thermometer, second, second));
    expect(told(readings, 90)).toEqual([
      'temperature-1 low of 0 raised 0',
      'temperature-1 low of 0 ended 20',
      'temperature-1 silent of 20 raised 40',
      'temperature-1 silent of 20 ended 80',
    ]);
    const [silent] = alarmsOf(run(telemetry, logOf(withNeighbour(readings, 50)))).filter(
      ({ kind }) => kind === 'silent',
    );
    expect(silent?.cause).toBe('no reading since 2025-06-15T00:00:20.000Z, expected one every 10000 ms');
    expect(silent?.values.map(({ value }) => value)).toEqual([0, 10, 20]);
  });

  test('that never speaks is reported as well', () => {
    expect(told([], 60)).toEqual(['temperature-1 silent of 0 raised 20']);
  });

  test('is not reported while its plant is away as a whole, nor for that when the plant is back', () => {
    const seconds = [0, 10, 20, 400, 410, 420, 430];
    const readings = seconds.flatMap((second) => [
      sentAt(thermometer, second, 20 + (second % 7)),
      sentAt(neighbour, second, 20 + (second % 7)),
    ]);
    expect(story(alarmsOf(run(telemetry, logOf(readings))))).toEqual([]);
  });
});

describe('a stuck sensor', () => {
  test('is one whose values stay within the deadband of the first for long enough', () => {
    //   second   0   10    20    ...  70: a minute after the 10th second, within 0.5 of 30; 80 is another value
    const values = [20, 30, 30.2, 30.4, 29.8, 30, 30.5, 30.1, 40];
    expect(
      told(
        values.map((value, index) => sentAt(thermometer, index * 10, value)),
        80,
      ),
    ).toEqual(['temperature-1 stuck of 10 raised 70', 'temperature-1 stuck of 10 ended 80']);
  });

  test('is none that drifts, nor one that pauses', () => {
    const drifting = Array.from({ length: 12 }, (_, index) => sentAt(thermometer, index * 10, 30 + index * 0.3));
    const pausing = [0, 10, 20, 50, 60, 70, 80].map((second) => sentAt(thermometer, second, 30));
    expect(told(drifting, 120).filter((line) => line.includes('stuck'))).toEqual([]);
    expect(told(pausing, 80).filter((line) => line.includes('stuck'))).toEqual([]);
  });
});

describe('a plant', () => {
  const both = telemetryOf([thermometer, stranger]);

  test('of which nothing comes while others are heard is offline, until it is heard', () => {
    const readings = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100].flatMap((second) => [
      ...(second > 20 && second < 100 ? [] : [sentAt(thermometer, second, 20 + second)]),
      sentAt(stranger, second, 20 + (second % 70)),
    ]);
    const offline = alarmsOf(run(both, logOf(readings))).filter(({ kind }) => kind === 'offline');
    expect(story(offline)).toEqual(['plant offline of 20 raised 80', 'plant offline of 20 ended 100']);
    expect(offline[0]).toMatchObject({ plant: 'plant-1', values: [], sensor: null });
  });

  test('is not offline for a pause in which nobody was heard', () => {
    const readings = [0, 10, 20, 500, 510, 520].flatMap((second) => [
      sentAt(thermometer, second, 20 + (second % 7)),
      sentAt(stranger, second, 20 + (second % 7)),
    ]);
    expect(alarmsOf(run(both, logOf(readings)))).toEqual([]);
  });
});

describe('a reading that is late or old', () => {
  test('raises no alarm, and ends none', () => {
    const readings = [
      sentAt(neighbour, 0, 50),
      sentAt(neighbour, 10, 51),
      sentAt(neighbour, 20, 50),
      sentAt(thermometer, 5, 99, 16),
      sentAt(neighbour, 1000, 50),
      sentAt(thermometer, 1001, 99, 601),
    ];
    const ran = run(telemetry, logOf(readings));
    expect(countOf(ran, 'accepted')).toBe(6);
    expect(countOf(ran, 'late')).toBe(1);
    expect(alarmsOf(ran).filter(({ kind }) => kind === 'high')).toEqual([]);
  });

  test('of a clock that is ahead makes no other late', () => {
    const ahead = { ingestTimeMs: startMs, body: readingAt(neighbour, 540, 50) };
    const ran = run(telemetry, logOf([ahead, sentAt(thermometer, 1, 99)]));
    expect([countOf(ran, 'accepted'), countOf(ran, 'late')]).toEqual([2, 0]);
    expect(story(alarmsOf(ran))).toEqual(['temperature-1 high of 1 raised 1']);
  });
});
