import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lakeTable, openSql } from './sql.ts';

let dir = '';
let report: unknown;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-flow-sql-'));
  weir(['generate', '--events', '8000', '--seed', '12', '--out', join(dir, 'ordered.jsonl')]);
  const lines = readFileSync(join(dir, 'ordered.jsonl'), 'utf8').trimEnd().split('\n');
  // Some lines come after one that is 1 to 12 further on: some of them late, some too late.
  for (let index = 0; index + 12 < lines.length; index += 13) {
    const other = index + 1 + (index % 12);
    [lines[index], lines[other]] = [lines[other] ?? '', lines[index] ?? ''];
  }
  writeFileSync(join(dir, 'events.jsonl'), `${lines.join('\n')}\n`);
  const definition = new URL('../../examples/flows/payments.ts', import.meta.url).pathname;
  const args = ['flow', 'run', '--definition', definition, '--source', join(dir, 'events.jsonl')];
  report = JSON.parse(weir([...args, '--out', join(dir, 'out'), '--json']));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

// Each question gives the rows of SQL over the raw events that were not too late, and those of the lake, both by name.
test.each([
  [
    'disputes with their payments',
    'disputed',
    `SELECT (p.event->>'eventId') || ' ' || ((d.event->>'eventTimeMs')::BIGINT - (p.event->>'eventTimeMs')::BIGINT) AS row
     FROM accepted p JOIN accepted d ON p.topic = 'payments.authorization.v1' AND d.topic = 'payments.dispute.v1'
      AND (p.event->>'accountId') = (d.event->>'accountId') AND (p.event->>'eventId') = (d.event->>'authorizationId')
      AND (d.event->>'eventTimeMs')::BIGINT BETWEEN (p.event->>'eventTimeMs')::BIGINT
      AND (p.event->>'eventTimeMs')::BIGINT + 60::BIGINT * 86400000`,
    `SELECT payment_id || ' ' || waited_ms::BIGINT AS row FROM last`,
  ],
  [
    'days of customers',
    'customer_days',
    `SELECT concat_ws(' ', account, ms - ms % 86400000, count(*), sum(amount), max(amount)) AS row
     FROM payment GROUP BY account, ms - ms % 86400000`,
    `SELECT concat_ws(' ', account_id, epoch_ms(pane_start), payments::BIGINT, amount_minor::BIGINT,
      largest_minor::BIGINT) AS row FROM last`,
  ],
  [
    'sessions of customers',
    'customer_sessions',
    `SELECT concat_ws(' ', account, min(ms), max(ms) + 1800000, count(*), sum(amount), count(DISTINCT terminal)) AS row
     FROM (SELECT *, sum(begins) OVER (PARTITION BY account ORDER BY ms ROWS UNBOUNDED PRECEDING) AS session
      FROM (SELECT *, CASE WHEN ms - lag(ms) OVER (PARTITION BY account ORDER BY ms) < 1800000 THEN 0 ELSE 1 END AS begins
       FROM payment)) GROUP BY account, session`,
    `SELECT concat_ws(' ', account_id, epoch_ms(pane_start), epoch_ms(pane_end), payments::BIGINT, amount_minor::BIGINT,
      terminals::BIGINT) AS row FROM last`,
  ],
])('%s equal SQL over the raw events', async (_what, table, overEvents, overLake) => {
  const sql = await openSql();
  const out = join(dir, 'out');
  await sql.query(`CREATE TABLE accepted AS SELECT topic, event FROM read_json('${join(dir, 'events.jsonl')}',
    format = 'newline_delimited', columns = {topic: 'VARCHAR', event: 'JSON'})
    WHERE event->>'eventId' NOT IN (SELECT event_id FROM ${lakeTable(out, 'late')})`);
  await sql.query(`CREATE TABLE payment AS SELECT event->>'accountId' AS account, (event->>'eventTimeMs')::BIGINT AS ms,
    (event->>'amountMinor')::BIGINT AS amount, event->>'terminalId' AS terminal
    FROM accepted WHERE topic = 'payments.authorization.v1'`);
  await sql.query(`CREATE TABLE last AS SELECT * FROM (SELECT *, row_number() OVER
    (PARTITION BY tenant_id, key ORDER BY revision DESC) AS place FROM ${lakeTable(out, table)})
    WHERE place = 1 AND NOT is_retraction`);
  const [expected, got] = [await sql.query(overEvents), await sql.query(overLake)].map((rows) =>
    rows.map(({ row }) => String(row)).toSorted(),
  );
  sql.close();
  expect(got).toEqual(expected);
  expect(got?.length).toBeGreaterThan(5);
  expect(report).toMatchObject({ counts: { late: expect.toSatisfy(isMany), tooLate: expect.toSatisfy(isMany) } });
});

function isMany(count: number): boolean {
  return count > 20;
}

function weir(args: readonly string[]): string {
  const program = new URL('../../bin/weir.ts', import.meta.url).pathname;
  return execFileSync(process.execPath, [program, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
