import { describe, expect, test } from 'vitest';
import type { FlowRow } from '../../core/engine/operator.ts';
import { count, countDistinct, sum } from '../../core/features/define.ts';
import { panes } from '../../core/features/define-flow.ts';
import type { PaneOutput } from '../../core/features/define-panes.ts';
import { allowedLatenessMs, outOfOrdernessMs, paneOperator, payment, paymentEvent } from '../laws/panes-log.ts';

/**
 * One account. The watermark is 5 s behind the latest event, and an event may be 60 s late. Times are in seconds. Each
 * table has the events in log order, one a batch, and the rows that go out after it: `[start, end) events, revision`.
 */
const results = { events: count(), amount: sum(payment.amountMinor) };
const byAccount = panes(payment).by(payment.accountId);

describe('panes, followed by eye', () => {
  test('a hopping pane: 20 s every 10 s, so that each event is in two', () => {
    expect(follow(byAccount.hopping('20s', { every: '10s' }).of(results), [12, 25, 38, 14, 'end'])).toEqual([
      '12 (watermark 7):',
      '25 (watermark 20): [0, 20) 1, revision 0',
      '38 (watermark 33): [10, 30) 2, revision 0',
      // 14 is late, in two panes whose rows are out.
      '14 (watermark 33): [10, 30) 3, revision 1; [0, 20) 2, revision 1',
      'end: [20, 40) 2, revision 0; [30, 50) 1, revision 0',
    ]);
  });

  test('a tumbling pane of 10 s: revisions count the late events since it was first emitted', () => {
    expect(follow(byAccount.tumbling('10s').of(results), [3, 31, 4, 5, 17, 18, 'end'])).toEqual([
      '3 (watermark -2):',
      '31 (watermark 26): [0, 10) 1, revision 0',
      '4 (watermark 26): [0, 10) 2, revision 1',
      '5 (watermark 26): [0, 10) 3, revision 2',
      // Nothing had been in this pane: it is over when its first event comes, and is emitted at once.
      '17 (watermark 26): [10, 20) 1, revision 0',
      '18 (watermark 26): [10, 20) 2, revision 1',
      'end: [30, 40) 1, revision 0',
    ]);
  });

  test('sessions with a gap of 10 s that late events lengthen, merge, begin earlier and open again', () => {
    const log = [10, 14, 40, 60, 22, 31, 8, 49, 80, 'end'] as const;
    expect(follow(byAccount.session('10s').of(results), log)).toEqual([
      '10 (watermark 5):',
      '14 (watermark 9):',
      '40 (watermark 35): [10, 24) 2, revision 0',
      '60 (watermark 55): [40, 50) 1, revision 0',
      // Lengthens the first session; 40 is still more than the gap away.
      '22 (watermark 55): [10, 32) 3, revision 1',
      // Bridges both: the first keeps its name, the second is swallowed.
      '31 (watermark 55): 40 retracted, revision 1; [10, 50) 5, revision 2',
      // A session is named by its first event, so this is another name.
      '8 (watermark 55): 10 retracted, revision 3; [8, 50) 6, revision 0',
      // Its end, 59, is ahead of the watermark: the session is not over after all.
      '49 (watermark 55): 8 retracted, revision 1',
      '80 (watermark 75): [8, 59) 7, revision 2; [60, 70) 1, revision 0',
      'end: [80, 90) 1, revision 0',
    ]);
  });

  test('an event exactly the gap after the last one begins a session, a millisecond sooner it does not', () => {
    const session = byAccount.session('10s').of(results);
    expect(follow(session, [10, 20, 'end']).at(-1)).toBe('end: [10, 20) 1, revision 0; [20, 30) 1, revision 0');
    expect(follow(session, [10, 19.999, 'end']).at(-1)).toBe('end: [10, 29.999) 2, revision 0');
  });

  test('a session that late events have lengthened is final that much later', () => {
    expect(follow(byAccount.session('10s').of(results), [10, 60, 19, 88, 28, 'end'])).toEqual([
      '10 (watermark 5):',
      '60 (watermark 55): [10, 20) 1, revision 0',
      '19 (watermark 55): [10, 29) 2, revision 1',
      // 83 is more than 60 s behind 20, where the session ended at first, but not behind 29.
      '88 (watermark 83): [60, 70) 1, revision 0',
      '28 (watermark 83): [10, 38) 3, revision 2',
      'end: [88, 98) 1, revision 0',
    ]);
  });

  test('an event on the edge of two panes is in the later one', () => {
    expect(follow(byAccount.tumbling('10s').of(results), [10, 'end']).at(-1)).toBe('end: [10, 20) 1, revision 0');
    expect(follow(byAccount.tumbling('10s').of(results), [9.999, 10, 'end']).at(-1)).toBe(
      'end: [0, 10) 1, revision 0; [10, 20) 1, revision 0',
    );
  });
});

describe('what an operator may hold', () => {
  const limited = byAccount.limit({ panesPerKeyMax: 2, panesMax: 3, valuesPerPaneMax: 2 });
  const merchants = { merchants: countDistinct(payment.merchantId) };

  test('is limited by key and in total, and room comes back once a pane is final', () => {
    const outcomes = outcomesOf(limited.tumbling('10s').of(results), [
      { account: 'a', time: 1 },
      { account: 'a', time: 11 },
      { account: 'a', time: 21 },
      { account: 'b', time: 12 },
      { account: 'b', time: 22 },
      { account: 'b', time: 13 },
      // The watermark passes 70: panes that end by 10 are final.
      { account: 'c', time: 75 },
      { account: 'a', time: 76 },
    ]);
    expect(outcomes).toEqual(['taken', 'taken', 'stateLimit', 'taken', 'stateLimit', 'taken', 'stateLimit', 'taken']);
  });

  test('is limited in sessions too', () => {
    const log = [1, 21, 41, 22].map((time) => ({ account: 'a', time }));
    expect(outcomesOf(limited.session('10s').of(results), log)).toEqual(['taken', 'taken', 'stateLimit', 'taken']);
  });

  test.each([
    { window: limited.tumbling('10s'), name: 'pane' },
    { window: limited.session('10s'), name: 'session' },
  ])('is limited in the single values of a $name', ({ window }) => {
    const log = [1, 2, 3].map((time) => ({ account: 'a', time, merchant: `m${time}` }));
    expect(outcomesOf(window.of(merchants), log)).toEqual(['taken', 'taken', 'stateLimit']);
    expect(outcomesOf(window.of(results), log)).toEqual(['taken', 'taken', 'taken']);
  });
});

/** The rows of each record, in words. */
function follow(output: PaneOutput, log: readonly (number | 'end')[]): string[] {
  const operator = paneOperator(output);
  const state = operator.create();
  let watermarkMs = Number.NEGATIVE_INFINITY;
  return log.map((time, offset) => {
    const rows: FlowRow[] = [];
    const emit = (row: FlowRow): number => rows.push(row);
    if (time === 'end') watermarkMs = Number.POSITIVE_INFINITY;
    else {
      const event = paymentEvent({ eventTimeMs: time * 1000, offset, fields: { accountId: 'a', amountMinor: 1 } });
      expect(operator.take(state, event, watermarkMs, emit)).toBe('taken');
      watermarkMs = Math.max(watermarkMs, event.eventTimeMs - outOfOrdernessMs);
    }
    operator.passTime(state, watermarkMs, emit);
    operator.endBatch(state, emit);
    const head = time === 'end' ? 'end:' : `${time} (watermark ${watermarkMs / 1000}):`;
    return `${head} ${rows.map(inWords).join('; ')}`.trim();
  });
}

function inWords({ isRetraction, revision, values }: FlowRow): string {
  const [start, end] = [values['pane_start'], values['pane_end']].map((timeMs) => Number(timeMs) / 1000);
  expect(values['amount']).toBe(values['events']);
  if (isRetraction) return `${start} retracted, revision ${revision}`;
  return `[${start}, ${end}) ${String(values['events'])}, revision ${revision}`;
}

type Attempt = { readonly account: string; readonly time: number; readonly merchant?: string };

function outcomesOf(output: PaneOutput, log: readonly Attempt[]): string[] {
  const operator = paneOperator(output);
  const state = operator.create();
  let watermarkMs = Number.NEGATIVE_INFINITY;
  return log.map(({ account, time, merchant = 'm' }, offset) => {
    const fields = { accountId: account, amountMinor: 1, merchantId: merchant };
    const event = paymentEvent({ eventTimeMs: time * 1000, offset, fields });
    expect(event.eventTimeMs).toBeGreaterThan(watermarkMs - allowedLatenessMs);
    const outcome = operator.take(state, event, watermarkMs, () => undefined);
    watermarkMs = Math.max(watermarkMs, event.eventTimeMs - outOfOrdernessMs);
    operator.passTime(state, watermarkMs, () => undefined);
    return outcome;
  });
}
