import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openLake } from '../../adapters/files/lake.ts';
import type { TableRow } from '../../core/sinks/table-schema.ts';
import { inRepository, runWeir, temporaryDirectory } from './weir-process.ts';

const { dir, remove } = temporaryDirectory();
afterAll(remove);

const weir = (...args: string[]) => runWeir(args, dir);
const payments = inRepository('examples/flows/payments.ts');
const small = inRepository('examples/small/payments.csv');

describe.concurrent('weir flow run', () => {
  test('writes a table an output, whose rows a simple count over the file agrees with', async () => {
    const args = ['flow', 'run', '--definition', payments, '--source', small, '--out', 'whole'];
    const { exitCode, out, error } = await weir(...args, '--json');
    expect(exitCode, error).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ status: 'complete', flow: { name: 'payments', version: 1 } });
    const rows = paymentsOf(small);
    const disputed = await lastRows('whole', 'disputed');
    expect(disputed.map((row) => String(row['payment_id'])).toSorted()).toEqual(
      rows
        .filter(({ isFraud }) => isFraud)
        .map(({ id }) => id)
        .toSorted(),
    );
    const days = await lastRows('whole', 'customer_days');
    const told = days.map((row) => [
      row['account_id'],
      timeOf(row['pane_start']),
      row['payments'],
      row['amount_minor'],
    ]);
    expect(told.map(String).toSorted()).toEqual(daysOf(rows).toSorted());
    const again = await weir(...args);
    expect([again.exitCode, again.error]).toEqual([0, expect.stringContaining('whole is complete')]);
  });

  test('with --ndjson writes rows to standard output and the summary elsewhere', async () => {
    const merchants = inRepository('examples/flows/merchants.ts');
    const source = inRepository('examples/flows/merchants.jsonl');
    const { exitCode, out, error } = await weir(
      'flow',
      'run',
      '--definition',
      merchants,
      '--source',
      source,
      '--ndjson',
    );
    expect(exitCode, error).toBe(0);
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const told = rows.map(({ key, revision, risk, risk_settled: settled }) => [
      JSON.parse(key)[1],
      revision,
      risk,
      settled,
    ]);
    expect(told.map((cells) => cells.join(' ')).toSorted()).toEqual([
      'p-1 0 low low',
      'p-2 0  ',
      'p-3 1 low high',
      'p-4 0 low high',
      'p-5 0  ',
    ]);
    expect(error).toContain('rows.payments_with_merchant');
  });

  test('reads what Debezium, DMS and Maxwell captured, and says what a wrong format looks like', async () => {
    const merchants = inRepository('examples/flows/merchants.ts');
    const mapping = ['--mapping', inRepository('examples/changes/mapping.ts')];
    const flow = ['flow', 'run', '--definition', merchants, '--json'];
    const args = (format: string, of: string, out: string) =>
      flow.concat('--format', format, '--out', out, '--source', inRepository(`test/golden/changes/${of}.jsonl`));
    const whole = await Promise.all(
      ['debezium', 'dms', 'maxwell'].map((format) => weir(...args(format, format, format), ...mapping)),
    );
    const counts = whole.map(({ out, error }) => (error === '' ? JSON.parse(out).counts : error));
    expect(counts).toEqual([
      expect.objectContaining({ 'accepted.registry.merchant.v1': 13, 'ignored.payments.dispute.v1': 1 }),
      expect.objectContaining({ 'accepted.registry.merchant.v1': 7, 'ignored.payments.dispute.v1': 1 }),
      expect.objectContaining({ 'accepted.registry.merchant.v1': 7, 'ignored.payments.dispute.v1': 1 }),
    ]);
    const wrong = await weir(...args('maxwell', 'dms', 'wrong'), ...mapping);
    expect(JSON.parse(wrong.out).counts).toMatchObject({ 'deadLetters.unmappable': 10 });
    const unmapped = await weir(...args('dms', 'dms', 'unmapped'));
    expect([unmapped.exitCode, JSON.parse(unmapped.error)]).toEqual([
      2,
      expect.objectContaining({ code: 'MAPPING_MISSING', fix: expect.stringContaining('examples/changes/mapping.ts') }),
    ]);
  });

  test('wants one place for the rows, and a flow', async () => {
    const nowhere = await weir('flow', 'run', '--definition', payments, '--source', small);
    expect([nowhere.exitCode, nowhere.error]).toEqual([2, expect.stringContaining('expected one of them')]);
    const open = await weir('flow', 'run', '--definition', payments, '--source', small, '--ndjson', '--open-ended');
    expect([open.exitCode, open.error]).toEqual([2, expect.stringContaining('only what is kept can go on later')]);
    const features = inRepository('examples/handbook/features.ts');
    const other = await weir('flow', 'run', '--definition', features, '--source', small, '--ndjson', '--json');
    expect([other.exitCode, JSON.parse(other.error)]).toEqual([
      2,
      expect.objectContaining({ code: 'DEFINITION_INVALID' }),
    ]);
  });

  test('refuses the directory of another flow', async () => {
    const args = [
      'flow',
      'run',
      '--source',
      inRepository('examples/flows/merchants.jsonl'),
      '--out',
      'other',
      '--json',
    ];
    expect((await weir(...args, '--definition', inRepository('examples/flows/merchants.ts'))).exitCode).toBe(0);
    const refused = await weir(...args, '--definition', payments);
    expect([refused.exitCode, JSON.parse(refused.error)]).toEqual([
      2,
      expect.objectContaining({ code: 'RUN_CHANGED' }),
    ]);
  });
});

test('weir flow check says what a flow reads and makes', async () => {
  const { exitCode, out } = await weir('flow', 'check', '--definition', payments, '--json');
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    scope: 'partition',
    outputs: [
      { name: 'disputed', kind: 'intervalJoin' },
      { name: 'customer_sessions', kind: 'sessions' },
      { name: 'customer_days', kind: 'panes' },
    ],
  });
  expect((await weir('flow', 'check', '--definition', payments)).out).toContain('disputed (interval join)');
});

type Payment = {
  readonly id: string;
  readonly timeMs: number;
  readonly customer: string;
  readonly amountMinor: number;
  readonly isFraud: boolean;
};

function paymentsOf(path: string): Payment[] {
  const [, ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [id = '', time = '', customer = '', , amount = '', fraud] = line.split(',');
    const timeMs = Date.parse(`${time.replace(' ', 'T')}Z`);
    return { id, timeMs, customer, amountMinor: Math.round(Number(amount) * 100), isFraud: fraud === '1' };
  });
}

/** Customer, day, how many payments and how much, as text. */
function daysOf(payments: readonly Payment[]): string[] {
  const days = Map.groupBy(payments, ({ customer, timeMs }) => `${customer},${timeMs - (timeMs % 86_400_000)}`);
  return [...days].map(([day, some]) => {
    return `${day},${some.length},${some.reduce((sum, { amountMinor }) => sum + amountMinor, 0)}`;
  });
}

async function lastRows(out: string, table: string): Promise<TableRow[]> {
  const last = new Map<unknown, TableRow>();
  for await (const rows of openLake({ dir: join(dir, out, 'lake') }).readRows(table)) {
    for (const row of rows) {
      const before = last.get(row['key']);
      if (before === undefined || Number(before['revision']) < Number(row['revision'])) last.set(row['key'], row);
    }
  }
  return [...last.values()].filter((row) => row['is_retraction'] === false);
}

function timeOf(value: unknown): number {
  return value instanceof Date ? value.getTime() : Number(value);
}
