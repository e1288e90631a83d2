import { describe, expect, test } from 'vitest';
import { demoDisturbance, disturb, noDisturbance, type DisturbanceRates } from '../../simulate/disturb.ts';
import { serialise, type SimulatedItem } from '../../simulate/item.ts';
import { simulatePayments } from '../../simulate/payments.ts';

const items = [...simulatePayments({ customers: 300, terminals: 500, terminalDistanceMax: 8, days: 10 })];

function disturbWith(rates: Partial<DisturbanceRates>, source: Iterable<SimulatedItem> = items): string[] {
  const disturbed = [...disturb(source, { ...noDisturbance, ...rates })];
  return disturbed.map(({ bytes, disturbance }) => `${disturbance} ${Buffer.from(bytes).toString('latin1')}`);
}

function countOf(lines: readonly string[], disturbance: string): number {
  return lines.filter((line) => line.startsWith(`${disturbance} `)).length;
}

describe('disturb', () => {
  test('leaves the stream as it is when all rates are 0', () => {
    expect(disturbWith({})).toEqual(items.map((item) => `none ${Buffer.from(serialise(item)).toString('latin1')}`));
  });

  test('gives the same bytes for the same seed, others for another', () => {
    expect(disturbWith(demoDisturbance)).toEqual(disturbWith(demoDisturbance));
    expect(disturbWith(demoDisturbance)).not.toEqual(disturbWith({ ...demoDisturbance, seed: 2 }));
  });

  test('delays a share of the events by at most the limit and loses none', () => {
    const lines = disturbWith({ lateRate: 0.1, delayMsMax: 600_000 });
    expect(lines.map((line) => line.slice(line.indexOf(' '))).sort()).toEqual(
      disturbWith({})
        .map((line) => line.slice(line.indexOf(' ')))
        .sort(),
    );
    expect(countOf(lines, 'late') / items.length).toBeCloseTo(0.1, 1);
    let latestMs = 0;
    let lateMsMax = 0;
    for (const line of lines) {
      const eventTimeMs = Number(/"eventTimeMs":(\d+)/.exec(line)?.[1]);
      lateMsMax = Math.max(lateMsMax, latestMs - eventTimeMs);
      latestMs = Math.max(latestMs, eventTimeMs);
    }
    expect(lateMsMax).toBeGreaterThan(60_000);
    expect(lateMsMax).toBeLessThanOrEqual(600_000);
  });

  test('repeats an event byte for byte after the first', () => {
    const lines = disturbWith({ duplicateRate: 0.05 });
    const seen = new Set<string>();
    for (const line of lines) {
      if (line.startsWith('duplicate ')) expect(seen.has(line.slice(10))).toBe(true);
      seen.add(line.slice(line.indexOf(' ') + 1));
    }
    expect(lines).toHaveLength(items.length + countOf(lines, 'duplicate'));
    expect(countOf(lines, 'duplicate') / items.length).toBeCloseTo(0.05, 1);
  });

  test('a conflict has the id of an event and another body', () => {
    const lines = disturbWith({ conflictRate: 0.05 });
    const bodies = new Set(disturbWith({}).map((line) => line.slice(5)));
    const ids = new Set(items.map(({ event }) => event.eventId));
    const conflicts = lines.filter((line) => line.startsWith('conflict ')).map((line) => line.slice(9));
    expect(conflicts.length).toBeGreaterThan(100);
    for (const body of conflicts) {
      expect(bodies.has(body)).toBe(false);
      expect(ids.has(String(/"eventId":"([^"]+)"/.exec(body)?.[1]))).toBe(true);
    }
  });

  test('poison is added and takes no event away', () => {
    const lines = disturbWith({ poisonRate: 0.05 });
    expect(countOf(lines, 'none')).toBe(items.length);
    expect(countOf(lines, 'poison') / items.length).toBeCloseTo(0.05, 1);
    expect(lines).toContain('poison ping');
  });
});
