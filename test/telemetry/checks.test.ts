import { describe, expect, test } from 'vitest';
import { neighbour, readingAt, sentAt, startMs, thermometer } from './sample-plant.ts';
import { countOf, finalTiers, logOf, run, type Sent, telemetryOf } from './telemetry-run.ts';

const telemetry = telemetryOf([thermometer]);

function codesOf(sent: readonly Sent[]): string[] {
  return run(telemetry, logOf(sent)).effects.flatMap(({ deadLetters }) =>
    deadLetters.map(({ refusal }) => refusal.code),
  );
}

function changed(change: object): Sent {
  return { ingestTimeMs: startMs, body: { ...readingAt(thermometer, 0, 20), ...change } };
}

describe('a reading goes to the dead letters', () => {
  test.each<readonly [why: string, sent: Sent, code: string]>([
    ['that is not JSON', { ingestTimeMs: startMs, body: Buffer.from('{') }, 'notJson'],
    ['without a value', changed({ value: null }), 'contractViolation'],
    [
      'whose value is not finite',
      {
        ingestTimeMs: startMs,
        body: Buffer.from(JSON.stringify(readingAt(thermometer, 0, 7)).replace(':7,', ':1e999,')),
      },
      'contractViolation',
    ],
    ['of an unknown sensor', changed({ sensor: 'temperature-9' }), 'unknownSensor'],
    ['of another metric than its sensor has', changed({ metric: 'pressure' }), 'unknownSensor'],
    ['more than 10 minutes ahead', changed({ eventTimeMs: startMs + 600_001 }), 'future'],
  ])('%s', (_, sent, code) => {
    expect(codesOf([sent])).toEqual([code]);
  });

  test('under an identity that came with another value, with its bytes', () => {
    const conflict = readingAt(thermometer, 0, 21);
    const ran = run(telemetry, logOf([sentAt(thermometer, 0, 20), { ingestTimeMs: startMs + 5, body: conflict }]));
    const [letter] = ran.effects.flatMap(({ deadLetters }) => deadLetters);
    expect(letter?.refusal.code).toBe('conflict');
    expect(JSON.parse(new TextDecoder().decode(letter?.bytes))).toEqual(conflict);
    expect(countOf(ran, 'accepted')).toBe(1);
  });

  test('and moves no watermark: what follows is on time', () => {
    const ahead = changed({ eventTimeMs: startMs + 3_600_000 });
    const ran = run(telemetry, logOf([ahead, sentAt(thermometer, 0, 20)]));
    expect([countOf(ran, 'deadLetters.future'), countOf(ran, 'accepted'), countOf(ran, 'late')]).toEqual([1, 1, 0]);
  });
});

describe('a reading that came before', () => {
  test('is counted as a copy, also when the shell has to look it up', () => {
    const old = sentAt(thermometer, 0, 20);
    const between = Array.from({ length: 800 }, (_, index) => sentAt(thermometer, (index + 1) * 10, 20 + (index % 9)));
    const again = { ingestTimeMs: startMs + 8_001_000, body: old.body };
    const ran = run(telemetry, logOf([old, ...between, again]));
    expect(ran.state.plants[0]?.remembered.size).toBeLessThan(400);
    expect([ran.lookUps, countOf(ran, 'duplicates'), countOf(ran, 'accepted')]).toEqual([1, 1, 801]);
  });

  test('is another one where its time or its sensor is another', () => {
    const both = telemetryOf([thermometer, neighbour]);
    const bodies = [
      readingAt(thermometer, 0, 20, { readingId: 'a' }),
      readingAt(thermometer, 1, 20, { readingId: 'a' }),
      readingAt(neighbour, 0, 20, { readingId: 'a' }),
    ];
    expect(countOf(run(both, logOf(bodies.map((body) => ({ ingestTimeMs: startMs + 1000, body })))), 'accepted')).toBe(
      3,
    );
  });

  test('with 0 where it had -0 is a copy', () => {
    const ran = run(
      telemetry,
      logOf([
        changed({ value: 0 }),
        {
          ingestTimeMs: startMs,
          body: Buffer.from(JSON.stringify(readingAt(thermometer, 0, 7)).replace(':7,', ':-0,')),
        },
      ]),
    );
    expect(countOf(ran, 'duplicates')).toBe(1);
  });
});

describe('a reading too late', () => {
  test('is kept whole with how late it was, and enters no tier', () => {
    const hoursMs = 3_600_000;
    const now = { ingestTimeMs: startMs + 97 * hoursMs, body: readingAt(thermometer, 97 * 3600, 20) };
    const old = readingAt(thermometer, 0, 20);
    const ran = run(telemetry, logOf([now, { ingestTimeMs: startMs + 97 * hoursMs, body: old }]));
    const [late] = ran.effects.flatMap(({ lateEvents }) => lateEvents);
    expect(late).toMatchObject({ reading: old, reason: 'tooLate', lateByMs: 97 * hoursMs - 10_000 });
    expect(finalTiers(ran)).toEqual(finalTiers(run(telemetry, logOf([now]))));
  });
});

describe('the verdict', () => {
  test('keeps what is not good out of the values, and counts it beside them', () => {
    const bodies = [
      readingAt(thermometer, 0, 20),
      readingAt(thermometer, 1, 68, { unit: 'degF' }),
      readingAt(thermometer, 2, 999),
      readingAt(thermometer, 3, 21, { quality: 'BAD' }),
      readingAt(thermometer, 4, 22, { quality: 'UNCERTAIN' }),
      readingAt(thermometer, 5, 23, { unit: 'bar' }),
    ];
    const ran = run(telemetry, logOf(bodies.map((body) => ({ ingestTimeMs: startMs + 6000, body }))));
    const rows = ran.effects.flatMap(({ tierRows }) => tierRows);
    const counts = { good: 2, bad: 1, uncertain: 1, wrong_unit: 1, out_of_range: 1 };
    expect(rows.map(({ output, values }) => ({ output, ...values }))).toMatchObject(
      ['tier_1m', 'tier_1h', 'tier_1d'].map((output) => ({
        output,
        count: 2,
        sum: 40,
        min: 20,
        max: 20,
        last: 20,
        ...counts,
      })),
    );
    expect([countOf(ran, 'accepted'), countOf(ran, 'converted')]).toEqual([6, 1]);
    expect(ran.effects.flatMap(({ readings }) => readings.map(({ measurement }) => measurement.verdict))).toEqual([
      'good',
      'good',
      'outOfRange',
      'bad',
      'uncertain',
      'wrongUnit',
    ]);
  });
});
