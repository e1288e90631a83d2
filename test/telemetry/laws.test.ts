import fc from 'fast-check';
import { deserialize, serialize } from 'node:v8';
import { describe, expect, test } from 'vitest';
import type { Reading } from '../../core/contract/reading.ts';
import { neighbour, readingAt, startMs, stranger, thermometer } from './sample-plant.ts';
import { alarmsOf, countOf, finalTiers, logOf, run, type Sent, telemetryOf } from './telemetry-run.ts';

const devices = [thermometer, neighbour, stranger];
const telemetry = telemetryOf(devices);

/** Readings of three sensors over some hours; two of one sensor never have the same time. */
const readings = fc
  .uniqueArray(fc.record({ sensor: fc.nat(2), second: fc.nat(20_000), value: fc.integer({ min: -600, max: 3000 }) }), {
    selector: ({ sensor, second }) => sensor * 100_000 + second,
    minLength: 40,
    maxLength: 160,
  })
  .map((list) =>
    list.map(({ sensor, second, value }): Reading => {
      const quality = value % 11 === 0 ? 'BAD' : value % 13 === 0 ? 'UNCERTAIN' : 'GOOD';
      return readingAt(devices[sensor]!, second, value / 10, { quality, unit: value % 7 === 0 ? 'degF' : 'degC' });
    }),
  );

/** All taken at the end, so that nothing is from the future. */
const endMs = startMs + 30_000_000;
function taken(bodies: readonly Reading[]): Sent[] {
  return bodies.map((body) => ({ ingestTimeMs: endMs, body }));
}

describe('the tiers', () => {
  test('do not depend on the order of arrival, on copies, or on where batches end', () => {
    let late = 0;
    let copies = 0;
    const shuffled = readings.chain((list) =>
      fc.record({
        list: fc.constant(list),
        order: fc.shuffledSubarray([...list, ...list.slice(0, 20)], { minLength: list.length + 20 }),
        batchRecords: fc.integer({ min: 1, max: 60 }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ list, order, batchRecords }) => {
        const sorted = list.toSorted((left, right) => left.eventTimeMs - right.eventTimeMs);
        const inOrder = run(telemetry, logOf(taken(sorted)));
        const ran = run(telemetry, logOf(taken(order)), { batchRecords });
        late += countOf(ran, 'late');
        copies += countOf(ran, 'duplicates');
        expect(countOf(ran, 'accepted')).toBe(list.length);
        expect(countOf(ran, 'duplicates')).toBe(20);
        expect(finalTiers(ran)).toEqual(finalTiers(inOrder));
      }),
      { numRuns: 60 },
    );
    expect([late > 1000, copies > 1000]).toEqual([true, true]);
  });

  test('equal what is computed from all readings of a pane at once', () => {
    let panes = 0;
    fc.assert(
      fc.property(readings, (list) => {
        const rows = run(telemetry, logOf(taken(list))).effects.flatMap(({ tierRows }) => tierRows);
        const last = new Map(rows.map((row) => [`${row.output} ${row.key}`, row.values]));
        for (const values of last.values()) {
          const inside = list.filter((reading) => {
            const isSensor = reading.plant === values['plant'] && reading.sensor === values['sensor'];
            return (
              isSensor &&
              reading.eventTimeMs >= Number(values['pane_start']) &&
              reading.eventTimeMs < Number(values['pane_end'])
            );
          });
          const celsius = inside.map((reading) => {
            const value = reading.unit === 'degF' ? ((reading.value - 32) * 5) / 9 : reading.value;
            return { ...reading, value: value + 0 };
          });
          const good = celsius.filter(({ quality, value }) => quality === 'GOOD' && value >= -50 && value <= 250);
          const newest = good.toSorted((left, right) => right.eventTimeMs - left.eventTimeMs)[0];
          const total = good.reduce((sum, { value }) => sum + value, 0);
          panes += 1;
          expect(values).toMatchObject({
            count: good.length,
            good: good.length,
            bad: inside.filter(({ quality }) => quality === 'BAD').length,
            uncertain: inside.filter(({ quality }) => quality === 'UNCERTAIN').length,
            out_of_range: celsius.filter(({ quality, value }) => quality === 'GOOD' && (value < -50 || value > 250))
              .length,
            wrong_unit: 0,
            last: newest?.value ?? null,
            min: good.length === 0 ? null : Math.min(...good.map(({ value }) => value)),
            max: good.length === 0 ? null : Math.max(...good.map(({ value }) => value)),
          });
          expect(Number(values['sum'])).toBeCloseTo(total, 6);
        }
      }),
      { numRuns: 30 },
    );
    expect(panes).toBeGreaterThan(1000);
  });
});

describe('a replay', () => {
  /** Taken half a second after they were measured, so that they raise alarms. */
  const live = readings.map((list) =>
    list
      .toSorted((left, right) => left.eventTimeMs - right.eventTimeMs)
      .map((body): Sent => ({ ingestTimeMs: body.eventTimeMs + 500, body })),
  );

  test('gives the same rows and the same alarms, whatever the batches, also from a state that was put away', () => {
    let alarms = 0;
    fc.assert(
      fc.property(live, fc.integer({ min: 1, max: 50 }), (sent, batchRecords) => {
        const first = run(telemetry, logOf(sent), { batchRecords: 1 });
        const again = run(telemetry, logOf(sent), {
          batchRecords,
          between: (state) => deserialize(serialize(state)) as typeof state,
        });
        alarms += alarmsOf(first).length;
        expect(alarmsOf(again)).toEqual(alarmsOf(first));
        expect(finalTiers(again)).toEqual(finalTiers(first));
      }),
      { numRuns: 40 },
    );
    expect(alarms).toBeGreaterThan(1000);
  });

  test('next to what comes now raises no alarm twice', () => {
    let raised = 0;
    fc.assert(
      fc.property(live, (sent) => {
        const log = sent.flatMap((each, index) => (index % 3 === 0 ? [each, sent[Math.floor(index / 2)]!] : [each]));
        const times = log.map(({ body }, index) => ({
          ingestTimeMs: log.slice(0, index + 1).reduce((most, { ingestTimeMs }) => Math.max(most, ingestTimeMs), 0),
          body,
        }));
        const alarms = alarmsOf(run(telemetry, logOf(times)));
        const ids = alarms.filter(({ revision }) => revision === 0).map(({ alarmId }) => alarmId);
        raised += ids.length;
        expect(new Set(ids).size).toBe(ids.length);
        expect(alarms).toEqual(alarmsOf(run(telemetry, logOf(sent))));
      }),
      { numRuns: 30 },
    );
    expect(raised).toBeGreaterThan(500);
  });
});
