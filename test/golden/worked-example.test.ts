import { expect, test } from 'vitest';
import { createState } from '../../core/steps/state.ts';
import { arrive, step } from '../../core/pipeline.ts';
import type { Decision } from '../../core/score/decision.ts';
import { nestedOnly } from '../../simulate/hostile/definitions.ts';
import { endItem, eventItem, type LogItem } from '../../simulate/hostile/log.ts';
import { smallWeir } from '../../simulate/hostile/small-weir.ts';

/**
 * One card, out of order by 5 seconds and late by 60 at most; count and sum over 10 seconds. Times in seconds, amounts in
 * cents, in log order; then the input ends. A settled value stands with the record that made it known.
 */
const table = [
  'offset  time  amount  watermark  status    decision          settled',
  '     0   100     500       none  on time   1 / 500           1 / 500 by 2',
  '     1   104     200         95  on time   2 / 700           2 / 700 by 2, 3 / 1000 (revision 1) by 3',
  '     2   112     100         99  on time   2 / 300           3 / 600 by the end',
  '     3   103     300        107  late      2 / 800           2 / 800 by 3',
  '     4    40     900        107  too late  1 / 900           none: late sink, 67 behind',
];

const payments = [
  { seconds: 100, amountMinor: 500 },
  { seconds: 104, amountMinor: 200 },
  { seconds: 112, amountMinor: 100 },
  { seconds: 103, amountMinor: 300 },
  { seconds: 40, amountMinor: 900 },
];

test('the worked example comes out to the last digit', () => {
  expect(run()).toEqual(table);
});

/** Runs the example record by record, as a table. */
function run(): string[] {
  const { weir } = smallWeir(nestedOnly);
  const state = createState(weir);
  const decisions: Decision[] = [];
  const settled = new Map<number, string[]>();
  for (const { record } of exampleLog()) {
    const known = new Map<string, string>();
    const effects = step(weir, state, { arrivals: [arrive(record)], known, recorded: new Map() });
    decisions.push(...effects.decisions);
    const by = record.offset < payments.length ? `by ${record.offset}` : 'by the end';
    for (const { identity, revision, settled: vector } of effects.featureRows) {
      if (vector === null) continue;
      const revised = revision === 0 ? '' : ` (revision ${revision})`;
      settled.set(identity.offset, [...(settled.get(identity.offset) ?? []), `${countAndSum(vector)}${revised} ${by}`]);
    }
    for (const { offset, lateByMs } of effects.lateEvents) {
      settled.set(offset, [`none: late sink, ${(lateByMs ?? 0) / 1000} behind`]);
    }
  }
  return [table[0] ?? '', ...decisions.map((decision) => lineOf(decision, settled.get(decision.offset) ?? []))];
}

function exampleLog(): LogItem[] {
  const events = payments.map(({ seconds, amountMinor }, offset) =>
    eventItem(
      {
        topic: 'payments.authorization.v1',
        event: {
          tenantId: 'bank',
          eventId: `p${offset}`,
          eventTimeMs: seconds * 1000,
          accountId: 'a1',
          cardToken: 'c1',
          merchantId: 'm1',
          terminalId: 't1',
          amountMinor,
          currency: 'EUR',
          channel: 'ecommerce',
          entryMode: 'credentialOnFile',
          mcc: '5411',
          country: 'NL',
        },
      },
      { offset, ingestTimeMs: 120_000 },
    ),
  );
  return [...events, endItem({ offset: payments.length, ingestTimeMs: 120_000 })];
}

function lineOf({ offset, late, tooLate, watermarkMs, features }: Decision, settled: readonly string[]): string {
  const { seconds = 0, amountMinor = 0 } = payments[offset] ?? {};
  const watermark = watermarkMs === null ? 'none' : `${watermarkMs / 1000}`;
  const status = tooLate ? 'too late' : late ? 'late' : 'on time';
  return [
    `${offset}`.padStart(6),
    `${seconds}`.padStart(6),
    `${amountMinor}`.padStart(8),
    watermark.padStart(11),
    `  ${status.padEnd(8)}`,
    `  ${countAndSum(features).padEnd(16)}`,
    `  ${settled.join(', ')}`,
  ].join('');
}

function countAndSum([, count, sum]: readonly (number | null)[]): string {
  return `${count} / ${sum}`;
}
