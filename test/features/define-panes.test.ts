import { describe, expect, test } from 'vitest';
import { authorizationContract } from '../../core/contract/authorization.ts';
import type { Duration } from '../../core/contract/duration.ts';
import { avg, count, countDistinct, last, max, median, min } from '../../core/features/define.ts';
import { quantile, sinceLastMs, stddev, sum } from '../../core/features/define.ts';
import { defineFlow, panes } from '../../core/features/define-flow.ts';
import type { PaneOutput } from '../../core/features/define-panes.ts';
import { operatorOf } from '../../core/features/flow-plan.ts';
import { payment, paymentEvent } from '../laws/panes-log.ts';
import { define } from './vectors.ts';

const byAccount = panes(payment).by(payment.accountId);
const flowOf = (output: PaneOutput) =>
  defineFlow({
    name: 'tested',
    version: 1,
    inputs: { authorization: authorizationContract },
    outputs: () => ({ spending: output }),
  });

describe('a plan of panes', () => {
  test('is plain data that reads back as it was', () => {
    const { plan } = flowOf(
      byAccount.hopping('10m', { every: '1m' }).of({ events: count(), mean: avg(payment.amountMinor) }),
    );
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  test('keeps once what several results are read off', () => {
    const { amountMinor } = payment;
    const plan = byAccount.tumbling('1m').of({
      events: count(),
      total: sum(amountMinor),
      mean: avg(amountMinor),
      deviation: stddev(amountMinor),
      low: min(amountMinor),
      high: max(amountMinor),
      p50: quantile(amountMinor, 0.5),
      p99: quantile(amountMinor, 0.99),
      rough: quantile(amountMinor, 0.99, { relativeAccuracy: 0.05 }),
      online: sum(amountMinor).where(payment.channel.equals('ecommerce')),
    });
    expect(plan.compile('spending').partials.map(({ kind, accuracy }) => [kind, accuracy])).toEqual([
      ['count', null],
      ['moments', null],
      ['extremes', null],
      ['sketch', 0.01],
      ['sketch', 0.05],
      ['sum', null],
    ]);
  });

  test('has a row of its key, its time and its results', () => {
    const { latitude } = payment.location;
    const output = panes(payment)
      .by(payment.accountId, payment.location.latitude)
      .only(payment.amountMinor.above(5))
      .tumbling('1m')
      .of({ places: countDistinct(latitude, { approximate: true }), shop: last(payment.merchantId) });
    const operator = operatorOf(output.compile('spending'));
    expect(operator.columns).toEqual([
      { name: 'account_id', kind: 'text' },
      { name: 'location_latitude', kind: 'number' },
      { name: 'pane_start', kind: 'timeMs' },
      { name: 'pane_end', kind: 'timeMs' },
      { name: 'places', kind: 'number' },
      { name: 'shop', kind: 'text' },
    ]);
    const state = operator.create();
    const fields = { accountId: 'a', merchantId: 'm', amountMinor: 7, location: { latitude: 1.5, longitude: 0 } };
    const rows: unknown[] = [];
    const given = [fields, { ...fields, amountMinor: 5, merchantId: 'cheap' }, { ...fields, location: undefined }];
    given.forEach((each, offset) => {
      const event = paymentEvent({ eventTimeMs: 61_000, offset, fields: each });
      expect(operator.take(state, event, 0, (row) => rows.push(row))).toBe('taken');
    });
    operator.passTime(state, Number.POSITIVE_INFINITY, (row) => rows.push(row));
    operator.endBatch(state, (row) => rows.push(row));
    const head = { account_id: 'a', location_latitude: 1.5, pane_start: 60_000, pane_end: 120_000 };
    const values = { ...head, places: 1, shop: 'm' };
    const key = '["a",1.5,60000]';
    expect(rows).toEqual([{ output: 'spending', tenantId: 't0', key, revision: 0, isRetraction: false, values }]);
  });
});

describe('a definition of panes throws and says what it got and what it expected', () => {
  const of = (results: Parameters<ReturnType<typeof byAccount.tumbling>['of']>[0]) =>
    byAccount.tumbling('1m').of(results);
  const unkeyed = (key: typeof payment.accountId) => panes(payment).by(key).tumbling('1m').of({ events: count() });
  const withNothing = { events: Reflect.get({}, 'none') };
  test.each<readonly [string, PaneOutput, string]>([
    ['no results', of({}), 'output spending: got no results, expected at least one, such as { events: count() }'],
    [
      'no aggregate',
      of(withNothing),
      'output spending: column events: got no aggregate, expected one without a window',
    ],
    [
      'an aggregate of an event',
      of({ since: sinceLastMs() }),
      'output spending: column since: got sinceLastMs, which asks at the time of an event',
    ],
    [
      'a key that is computed',
      unkeyed({ ...payment.accountId, node: payment.amountMinor.plus(1).node }),
      'output spending: got a call as the key of panes over payments.authorization.v1, expected one of',
    ],
    [
      'panes that do not fit the size',
      byAccount.hopping('10m', { every: '3m' }).of({ events: count() }),
      'output spending: got panes of 10m every 3m, expected a whole number of them in the size, at most 1440',
    ],
    [
      'too many panes an event',
      byAccount.hopping('1d', { every: '1s' }).of({ events: count() }),
      'output spending: got panes of 1d every 1s, expected a whole number of them in the size, at most 1440',
    ],
    [
      'a gap that is none',
      byAccount.session('0s').of({ events: count() }),
      'output spending: got duration "0s", expected a whole number with s, m, h or d, such as 7d',
    ],
    [
      'a limit of 0',
      byAccount.limit({ panesMax: 0 }).session('1m').of({ events: count() }),
      'output spending: got panesMax 0, expected a whole number of at least 1',
    ],
    [
      'a column that the engine takes',
      of({ pane_start: count() }),
      'output spending: got the column pane_start twice, expected each name once',
    ],
    ['a name in another case', of({ meanAmount: count() }), 'output spending: got the column name "meanAmount"'],
  ])('of %s', (_, output, message) => {
    expect(() => flowOf(output)).toThrow(message);
  });

  test('of a quantile, an accuracy or a precision out of range', () => {
    expect(() => quantile(payment.amountMinor, 99)).toThrow('got the quantile 99, expected 0 to 1, such as 0.99');
    expect(() => quantile(payment.amountMinor, 0.5, { relativeAccuracy: 1 })).toThrow('got the relative accuracy 1');
    expect(() => countDistinct(payment.merchantId, { approximate: true, precision: 20 })).toThrow(
      'got the precision 20',
    );
  });

  test.each<Duration>(['1.5m', '-1m'])('of the size %s', (size) => {
    expect(() => flowOf(byAccount.tumbling(size).of({ events: count() }))).toThrow(`got duration "${size}"`);
  });
});

describe('a window that slides refuses a sketch', () => {
  test.each([
    ['quantile', 'median'],
    ['approximateCountDistinct', 'the exact countDistinct'],
  ])('%s', (kind, instead) => {
    const wrong = () =>
      define(({ amountMinor, accountId }) => {
        const sketched =
          kind === 'quantile' ? quantile(amountMinor, 0.9) : countDistinct(amountMinor, { approximate: true });
        return { high: sketched.by(accountId).over('1h') };
      });
    expect(wrong).toThrow(
      `feature high: got ${kind} over a window that slides, whose events a sketch cannot take back; expected ${instead}`,
    );
    expect(() =>
      define(({ amountMinor, accountId }) => ({ mid: median(amountMinor).by(accountId).over('1h') })),
    ).not.toThrow();
  });
});
