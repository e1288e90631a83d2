import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import rules from '../../examples/handbook/rules.json' with { type: 'json' };
import { lakeTable, openSql } from './sql.ts';

const events = 10_000;
const limitMinor = 15_000;
let dir = '';
let out = '';
let changedRules = '';

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-replay-'));
  out = join(dir, 'run');
  const source = join(dir, 'payments.jsonl');
  weir(['generate', '--events', String(events), '--seed', '5', '--disturb', '--out', source]);
  weir(['run', '--source', source, '--out', out]);
  changedRules = join(dir, 'rules.json');
  const all = rules.rules.map((rule) =>
    rule.id === 'amount-above-limit'
      ? { ...rule, version: 2, outcomeAtLeast: 'decline', when: { field: 'amountMinor', op: 'gt', value: limitMinor } }
      : rule,
  );
  writeFileSync(changedRules, JSON.stringify({ ...rules, version: rules.version + 1, rules: all }));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const reportSchema = z.object({
  compared: z.number(),
  same: z.number(),
  differ: z.number(),
  liveAlone: z.number(),
  replayedAlone: z.number(),
  digests: z.object({ live: z.string(), replayed: z.string() }),
  explained: z.number(),
  why: z.array(z.object({ kind: z.string(), name: z.string(), decisions: z.number() })),
  money: z.array(
    z.object({
      currency: z.string(),
      newlyDeclined: z.number(),
      newlyDeclinedMinor: z.number(),
      noLongerDeclined: z.number(),
    }),
  ),
  samples: z.array(z.object({ eventId: z.string(), live: z.object({ outcome: z.string() }) })),
  reportJson: z.string(),
  reportHtml: z.string(),
});

function weir(args: readonly string[]): string {
  return execFileSync(process.execPath, ['bin/weir.ts', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function replay(args: readonly string[]): z.infer<typeof reportSchema> {
  return reportSchema.parse(JSON.parse(weir(['replay', '--out', out, '--json', ...args])));
}

test('the same definition, rules and model decide the same, digest for digest', async () => {
  const report = replay([]);
  const sql = await openSql();
  const [row = {}] = await sql.query(`SELECT count(*) AS decisions FROM ${lakeTable(out, 'decisions')}`);
  sql.close();
  expect(report).toMatchObject({
    compared: Number(row['decisions']),
    differ: 0,
    liveAlone: 0,
    replayedAlone: 0,
    why: [],
  });
  expect(report.compared).toBe(events);
  expect(report.digests.replayed).toBe(report.digests.live);
});

test('one changed rule changes exactly the decisions that SQL over the payments finds, and the money they are of', async () => {
  const report = replay(['--rules', changedRules]);
  const sql = await openSql();
  // Payments whose hit of the rule, or its version, is another one; each payment once, as its copies are no decisions.
  const rows = await sql.query(`
    WITH payments AS (
      SELECT DISTINCT event.eventId AS event_id, event.amountMinor AS minor
      FROM read_json('${join(dir, 'payments.jsonl')}', format = 'newline_delimited', ignore_errors = true,
        columns = {topic: 'VARCHAR', event: 'STRUCT(eventId VARCHAR, amountMinor BIGINT)'})
      WHERE topic = 'payments.authorization.v1')
    SELECT event_id, minor, outcome FROM ${lakeTable(out, 'decisions')} JOIN payments USING (event_id)
    WHERE minor > ${limitMinor}`);
  sql.close();
  expect(rows.length).toBeGreaterThan(20);
  expect(report.differ).toBe(rows.length);
  expect(report.explained).toBe(rows.length);
  expect(report.why).toEqual([{ kind: 'rule', name: 'amount-above-limit', decisions: rows.length }]);
  const declined = rows.filter(({ outcome }) => outcome !== 'decline');
  expect(report.money).toEqual([
    expect.objectContaining({
      newlyDeclined: declined.length,
      newlyDeclinedMinor: declined.reduce((sum, { minor }) => sum + Number(minor), 0),
      noLongerDeclined: 0,
    }),
  ]);
  const expected = new Set(rows.map((row) => row['event_id']));
  expect(report.samples.every(({ eventId }) => expected.has(eventId))).toBe(true);
  const page = readFileSync(report.reportHtml, 'utf8');
  expect(page).toContain(`${rows.length} of 10,000 decisions`);
  expect(page).toContain('rule amount-above-limit');
});

test('a range of time is all that counts', async () => {
  const sql = await openSql();
  const [row = {}] = await sql.query(`SELECT count(*) AS decisions FROM ${lakeTable(out, 'decisions')}
    WHERE event_time >= TIMESTAMP '2026-01-01 12:00:00' AND event_time < TIMESTAMP '2026-01-02'`);
  sql.close();
  const report = replay(['--from', '2026-01-01T12:00:00Z', '--to', '2026-01-02']);
  expect(report.compared).toBe(Number(row['decisions']));
  expect(report.compared).toBeGreaterThan(20);
  expect(report.compared).toBeLessThan(events);
});

test('a replay that is interrupted goes on, and says what an uninterrupted one says', async () => {
  const args = ['bin/weir.ts', 'replay', '--out', out, '--rules', changedRules, '--threads', '1'];
  const expected = replay(['--rules', changedRules]);
  rmSync(join(out, 'replays'), { recursive: true });
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  await expect.poll(() => logBytes(), { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
  child.kill('SIGKILL');
  await ended;
  expect(replay(['--rules', changedRules])).toEqual(expected);
});

/** What the replay has in its log by now. */
function logBytes(): number {
  try {
    const shown = execFileSync('du', ['-sb', join(out, 'replays')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number(shown.split('\t')[0]) > 1_000_000 ? 1 : 0;
  } catch {
    return 0;
  }
}

test('a run with files of its own is not compared with those that come with Weir by mistake', () => {
  const other = join(dir, 'other');
  weir(['run', '--source', 'examples/small/payments.csv', '--out', other, '--rules', changedRules]);
  expect(() => weir(['replay', '--out', other])).toThrow(/Command failed/);
  expect(() => weir(['replay', '--out', other, '--rules', changedRules, '--fail-on-difference'])).not.toThrow();
  expect(() => weir(['replay', '--out', join(dir, 'nothing')])).toThrow(/Command failed/);
});
