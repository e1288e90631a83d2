import { describe, expect, test } from 'vitest';
import { openStream } from '../../simulate/random.ts';
import { agree } from './compare.ts';
import { everyAggregate, everyLabel } from '../../simulate/hostile/definitions.ts';
import { type Output, runShipped } from './harness.ts';
import { endItem, eventItem, type LogItem } from '../../simulate/hostile/log.ts';
import { smallWeir } from '../../simulate/hostile/small-weir.ts';
import { arranged, logOf, seededDrafts, sortedLog, startTimeMs } from '../../simulate/hostile/workload.ts';

describe('order', () => {
  test.each([
    ['every aggregate', everyAggregate],
    ['every label', everyLabel],
  ])('within the allowed disorder does not change a settled value: %s', (_, featureSet) => {
    const { weir } = smallWeir(featureSet);
    const names = weir.features.plan.features.map(({ name }) => name);
    for (const seed of [1, 2, 3]) {
      const sorted = sortedLog({ seed, length: 300 });
      const inOrder = runShipped(weir, ended(sorted));
      const outOfOrder = runShipped(weir, ended(disordered(sorted, seed)), { batchSizes: [11, 3] });
      expect(outOfOrder.counts.get('late') ?? 0).toBeGreaterThan(20);
      expect([inOrder.counts.get('tooLate'), outOfOrder.counts.get('tooLate')]).toEqual([undefined, undefined]);
      const expected = settledById(inOrder);
      const got = settledById(outOfOrder);
      expect([...got.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
      for (const [id, settled] of got) {
        const other = expected.get(id) ?? [];
        expect(names.filter((__, index) => !agree(settled[index], other[index]))).toEqual([]);
      }
    }
  });
});

describe('the watermark', () => {
  test.each(['input', 'topic'] as const)('of a state never moves back, per %s', (watermarkPer) => {
    const { weir } = smallWeir(everyLabel, { watermarkPer });
    let stateMs = Number.NEGATIVE_INFINITY;
    let moves = 0;
    runShipped(weir, logOf(seededDrafts({ seed: 8, length: 600 })), {
      batchSizes: [1],
      afterBatch: ({ watermarks }) => {
        expect(watermarks.stateMs).toBeGreaterThanOrEqual(stateMs);
        if (watermarks.stateMs > stateMs) moves += 1;
        ({ stateMs } = watermarks);
      },
    });
    expect(moves).toBeGreaterThan(20);
  });

  test('of a topic that lags holds the state back, and settled rows wait for it', () => {
    const { weir } = smallWeir(everyLabel, { watermarkPer: 'topic' });
    const drafts = seededDrafts({ seed: 8, length: 40 });
    const kinds = drafts.map((draft, index) => ({
      ...draft,
      kind: index === 0 ? ('dispute' as const) : ('authorization' as const),
      stepMs: 20_000,
      behindMs: 0,
      ingestAfterMs: 0,
    }));
    expect(runShipped(weir, logOf(kinds)).featureRows).toEqual([]);
    expect(runShipped(smallWeir(everyLabel).weir, logOf(kinds)).featureRows).toHaveLength(38);
  });

  test('ends topics that it has not seen too', () => {
    const { weir } = smallWeir(everyLabel, { watermarkPer: 'topic' });
    const [authorization] = sortedLog({ seed: 1, length: 1 });
    if (authorization?.meaning.kind !== 'event') throw new Error('got no event, expected an authorization');
    const { domain } = authorization.meaning;
    const end = endItem({ offset: 0, ingestTimeMs: startTimeMs });
    const output = runShipped(weir, [end, eventItem(domain, { offset: 1, ingestTimeMs: startTimeMs + 1 })]);
    expect(output.lateEvents).toMatchObject([{ reason: 'tooLate', offset: 1, lateByMs: null, watermarkMs: null }]);
    expect(output.decisions).toMatchObject([{ tooLate: true, watermarkMs: null }]);
  });
});

/** Every record arrives less than 65 seconds after its turn: the 5 of the watermark and the 60 of the lateness. */
function disordered(sorted: readonly LogItem[], seed: number): LogItem[] {
  const random = openStream({ seed, name: 'disorder' });
  return arranged(sorted, ({ meaning }) => {
    const eventTimeMs = meaning.kind === 'event' ? meaning.domain.event.eventTimeMs : 0;
    return eventTimeMs + random() * 64_999;
  });
}

function ended(log: readonly LogItem[]): LogItem[] {
  return [...log, endItem({ offset: log.length * 10, ingestTimeMs: startTimeMs })];
}

function settledById({ featureRows }: Output): Map<string, readonly (number | null)[]> {
  return new Map(
    featureRows.map(({ identity, settled }) => [
      `${identity.tenantId}/${identity.accountId}/${identity.eventId}`,
      settled ?? [],
    ]),
  );
}
