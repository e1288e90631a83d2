import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lakeTable, openSql, type SqlRow } from './sql.ts';

const endings = ['ended', 'open'] as const;
type Ending = (typeof endings)[number];
let dir = '';

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-ledger-'));
  const all = join(dir, 'all.jsonl');
  weir(['generate', '--events', '6000', '--seed', '11', '--out', all]);
  // Cut 7.3 days after the first payment, so that some holds are still open and some are past their expiry.
  const lines = readFileSync(all, 'utf8').trimEnd().split('\n');
  const timeMsOf = (line: string): number => Number(/"eventTimeMs":(\d+)/.exec(line)?.[1]);
  const untilMs = timeMsOf(lines[0] ?? '') + 7.3 * 86_400_000;
  writeFileSync(join(dir, 'payments.jsonl'), `${lines.filter((line) => timeMsOf(line) <= untilMs).join('\n')}\n`);
  weir(['run', '--source', join(dir, 'payments.jsonl'), '--out', join(dir, 'ended')]);
  weir(['run', '--source', join(dir, 'payments.jsonl'), '--out', join(dir, 'open'), '--open-ended']);
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each(endings)(
  'held, cleared, reversed, expired and open equal SQL over the raw events: input %s',
  async (ending) => {
    const [fromRaw, fromLedger] = await totals(ending);
    expect(fromLedger).toEqual(fromRaw);
    const { held, cleared, reversed, expired, open } = fromLedger;
    expect(open).toBe(held - cleared - reversed - expired);
    expect(open > 0).toBe(ending === 'open');
    for (const amount of [held, cleared, reversed, expired]) expect(amount).toBeGreaterThan(0);
  },
);

test.each(endings)('authorizations = decisions = authorization entries = feature rows: input %s', async (ending) => {
  const sql = await openSql();
  const out = join(dir, ending);
  const [row = {}] = await sql.query(`SELECT
    (SELECT count(*) FROM ${raw()} WHERE topic = 'payments.authorization.v1') AS authorizations,
    (SELECT count(DISTINCT decision_id) FROM ${lakeTable(out, 'decisions')}) AS decisions,
    (SELECT count(*) FROM ${lakeTable(out, 'decisions')}) AS decisionRows,
    (SELECT count(*) FROM ${lakeTable(out, 'ledger')} WHERE kind = 'authorization') AS entries`);
  sql.close();
  expect(numbers(row)).toEqual({ authorizations: 6000, decisions: 6000, decisionRows: 6000, entries: 6000 });
});

test.each(endings)('weir ledger verify finds the chains whole: input %s', (ending) => {
  expect(weir(['ledger', 'verify', '--out', join(dir, ending)])).toContain('entries');
});

type Totals = Readonly<Record<'held' | 'cleared' | 'reversed' | 'expired' | 'open', number>>;

/** The same sums twice, in minor units: by SQL over the raw events and the outcomes, and from the ledger's entries. */
async function totals(ending: Ending): Promise<[Totals, Totals]> {
  const sql = await openSql();
  try {
    const out = join(dir, ending);
    const [fromRaw = {}] = await sql.query(rawTotalsSql(out, ending));
    const [fromLedger = {}] = await sql.query(`SELECT
      sum(amount_minor) FILTER (WHERE kind = 'authorization') AS held,
      sum(amount_minor) FILTER (WHERE kind = 'clearing' AND NOT unmatched) AS cleared,
      sum(amount_minor) FILTER (WHERE kind = 'reversal' AND NOT unmatched) AS reversed,
      sum(amount_minor) FILTER (WHERE kind = 'expiry') AS expired,
      sum(amount_minor) FILTER (WHERE starts_with(credit_account, 'pending/'))
        - sum(amount_minor) FILTER (WHERE starts_with(debit_account, 'pending/')) AS open
      FROM ${lakeTable(out, 'ledger')}`);
    return [numbers(fromRaw), numbers(fromLedger)] as [Totals, Totals];
  } finally {
    sql.close();
  }
}

/** A payment of this workload is cleared at most once or reversed at most once, within its hold of seven days. */
function rawTotalsSql(out: string, ending: Ending): string {
  const watermark = ending === 'ended' ? `'infinity'::DOUBLE` : `(SELECT max(event.eventTimeMs) - 5000 FROM ${raw()})`;
  const release = (topic: string): string =>
    `(SELECT event.authorizationId AS id, event.accountId AS account, event.amountMinor AS amount FROM ${raw()}
      WHERE topic = '${topic}')`;
  return `WITH held AS (
      SELECT a.event.eventId AS id, a.event.accountId AS account, a.event.eventTimeMs AS t,
        CASE WHEN d.outcome = 'decline' THEN 0 ELSE a.event.amountMinor END AS amount
      FROM ${raw()} AS a JOIN ${lakeTable(out, 'decisions')} AS d
        ON a.event.eventId = d.event_id AND a.event.accountId = d.account_id
      WHERE a.topic = 'payments.authorization.v1'),
    released AS (
      SELECT h.amount, h.t, least(h.amount, coalesce(c.amount, 0)) AS cleared,
        least(h.amount, coalesce(r.amount, 0)) AS reversed
      FROM held AS h LEFT JOIN ${release('payments.clearing.v1')} AS c USING (id, account)
        LEFT JOIN ${release('payments.reversal.v1')} AS r USING (id, account)),
    ended AS (
      SELECT *, CASE WHEN t + 7 * 86400000 <= ${watermark} THEN amount - cleared - reversed ELSE 0 END AS expired
      FROM released)
    SELECT sum(amount) AS held, sum(cleared) AS cleared, sum(reversed) AS reversed, sum(expired) AS expired,
      sum(amount - cleared - reversed - expired) AS open FROM ended`;
}

function raw(): string {
  const event =
    'STRUCT(eventId VARCHAR, accountId VARCHAR, eventTimeMs BIGINT, amountMinor BIGINT, authorizationId VARCHAR)';
  return `read_json('${dir}/payments.jsonl', format = 'newline_delimited', columns = {topic: 'VARCHAR', event: '${event}'})`;
}

function numbers(row: SqlRow): Record<string, number> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
}

function weir(args: readonly string[]): string {
  return execFileSync(process.execPath, ['bin/weir.ts', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
