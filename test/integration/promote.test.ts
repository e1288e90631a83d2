import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { promotionSteps } from '../../runtime/promote-replay.ts';
import { lockReplays } from '../../runtime/replay-state.ts';
import rules from '../../examples/handbook/rules.json' with { type: 'json' };
import { lakeTable, openSql, type SqlRow } from './sql.ts';

const events = 4_000;
let dir = '';
let before = '';
let payments = '';
let firstPayments = '';
let changedRules = '';
let changedDefinition = '';
let replayId = '';
let later: SqlRow[] = [];

const changed = (): string[] => ['--definition', changedDefinition, '--rules', changedRules];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'weir-promote-'));
  const path = join(dir, 'payments.jsonl');
  weir(['generate', '--events', String(events), '--seed', '6', '--disturb', '--out', path]);
  payments = readFileSync(path, 'utf8');
  const lines = payments.split('\n');
  firstPayments = `${lines.slice(0, Math.floor(lines.length / 4)).join('\n')}\n`;
  changedRules = join(dir, 'rules.json');
  const all = rules.rules.map((rule) =>
    rule.id === 'amount-above-limit'
      ? { ...rule, version: 2, outcomeAtLeast: 'decline', when: { field: 'amountMinor', op: 'gt', value: 15_000 } }
      : rule,
  );
  writeFileSync(changedRules, JSON.stringify({ ...rules, version: rules.version + 1, rules: all }));
  changedDefinition = join(dir, 'features.ts');
  writeFileSync(changedDefinition, otherDefinition());
  before = join(dir, 'run');
  run(before, firstPayments, []);
  const whole = join(dir, 'whole');
  run(whole, payments, changed());
  replayId = replay(before).replayId;
  later = await laterRows(whole, before);
}, 120_000);

/** The shipped definition with one feature over another window, and one more. */
function otherDefinition(): string {
  const handbook = join(process.cwd(), 'examples/handbook');
  const shipped = readFileSync(join(handbook, 'fraud-features.ts'), 'utf8');
  const changed = shipped
    .replaceAll("'../../core/", `'${process.cwd()}/core/`)
    .replaceAll("'./features.ts'", `'${handbook}/features.ts'`)
    .replace('version: 1,', 'version: 2,')
    .replace("highestAmount.over('30d').excludingItself()", "highestAmount.over('7d').excludingItself()")
    .replace(
      '...customerFeatures(payment),',
      '...customerFeatures(payment), added: max(payment.amountMinor).by(payment.accountId).over("1d"),',
    );
  expect(changed).toContain("over('7d')");
  expect(changed).toContain('added:');
  return changed;
}

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function weir(args: readonly string[], input = ''): string {
  return execFileSync(process.execPath, ['bin/weir.ts', ...args], {
    encoding: 'utf8',
    input,
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 2 ** 28,
  });
}

function run(out: string, input: string, args: readonly string[]): void {
  try {
    weir(['run', '--source', '-', '--open-ended', '--out', out, '--threads', '1', ...args], input);
  } catch (error) {
    throw new Error(z.object({ stderr: z.string() }).parse(error).stderr, { cause: error });
  }
}

const replaySchema = z.object({ replayId: z.string(), differ: z.number(), generation: z.number() });

function replay(out: string, args: readonly string[] = []): z.infer<typeof replaySchema> {
  return replaySchema.parse(
    JSON.parse(weir(['replay', '--out', out, '--threads', '1', '--json', ...changed(), ...args])),
  );
}

function approve(out: string): { readonly offset: number; readonly generation: number } {
  const schema = z.object({ offset: z.number(), generation: z.number(), state: z.literal('promoted') });
  return schema.parse(
    JSON.parse(weir(['replay', 'approve', replayId, '--out', out, '--by', 'ana', '--yes', '--json'])),
  );
}

/** A copy of the run, with its replay, before anything was decided. */
function copyOfRun(name: string): string {
  const out = join(dir, name);
  cpSync(before, out, { recursive: true });
  return out;
}

/** Decisions of payments that `known` had not decided, each column but the place in the log. */
async function laterRows(out: string, known: string): Promise<SqlRow[]> {
  const sql = await openSql();
  const rows = await sql.query(`SELECT * EXCLUDE ("offset") FROM ${lakeTable(out, 'decisions')}
    WHERE event_id NOT IN (SELECT event_id FROM ${lakeTable(known, 'decisions')}) ORDER BY event_id`);
  sql.close();
  return rows;
}

async function withViews<Result>(
  out: string,
  ask: (query: (sql: string) => Promise<SqlRow[]>) => Promise<Result>,
): Promise<Result> {
  const sql = await openSql();
  for (const view of readFileSync(join(out, 'generations', 'current.sql'), 'utf8').split(';\n')) {
    if (view.trim() !== '') await sql.query(view);
  }
  const result = await ask(sql.query);
  sql.close();
  return result;
}

describe('a promoted replay', () => {
  let out = '';
  let answered: SqlRow[] = [];
  let ledger: SqlRow[] = [];
  let promoted = { offset: 0, generation: 0 };

  beforeAll(async () => {
    out = copyOfRun('promoted');
    const sql = await openSql();
    answered = await sql.query(`SELECT * FROM ${lakeTable(out, 'decisions')} ORDER BY "offset"`);
    ledger = await sql.query(`SELECT * FROM ${lakeTable(out, 'ledger')} ORDER BY sequence`);
    sql.close();
    promoted = approve(out);
    run(out, payments, changed());
  }, 60_000);

  test('decides from its offset on as a run that had the new files from the start, row for row', async () => {
    expect(later.length).toBeGreaterThan(events / 4);
    expect(await laterRows(out, before)).toEqual(later);
  });

  test('rewrites neither a decision that was answered nor an entry of the ledger', async () => {
    const sql = await openSql();
    const { offset } = promoted;
    const rows = await sql.query(
      `SELECT * FROM ${lakeTable(out, 'decisions')} WHERE "offset" < ${offset} ORDER BY "offset"`,
    );
    const entries = await sql.query(
      `SELECT * FROM ${lakeTable(out, 'ledger')} ORDER BY sequence LIMIT ${ledger.length}`,
    );
    sql.close();
    expect(rows.map(withoutAdded)).toEqual(answered);
    expect(entries).toEqual(ledger);
    expect(() => weir(['ledger', 'verify', '--out', out])).not.toThrow();
  });

  test('is the next generation of the lake, in which the replayed range counts as it was replayed', async () => {
    const shadow = join(out, 'replays', replayId);
    await withViews(out, async (query) => {
      const counts = await query(
        `SELECT generation, count(*)::INT AS decisions FROM decisions GROUP BY ALL ORDER BY generation`,
      );
      expect(counts).toEqual([
        { generation: 0, decisions: later.length },
        { generation: 1, decisions: answered.length },
      ]);
      const [{ differ } = {}] = await query(`SELECT count(*)::INT AS differ FROM decisions JOIN
        ${lakeTable(shadow, 'decisions')} AS replayed USING ("offset")
        WHERE generation = 1 AND (decisions.outcome <> replayed.outcome OR decisions.score <> replayed.score)`);
      expect(differ).toBe(0);
    });
    const report = replaySchema.loose().parse(JSON.parse(weir(['replay', 'report', replayId, '--out', out, '--json'])));
    expect(report).toMatchObject({
      state: 'promoted',
      generation: 0,
      promotion: { offset: promoted.offset, generation: promoted.generation, offsets: [promoted.offset] },
    });
  });

  test('corrects money by new entries that cite the old: with them the balances are those of the replay', async () => {
    const shadow = join(out, 'replays', replayId);
    const balancesOf = (from: string): string => `SELECT account, sum(minor)::INT AS minor FROM (
      SELECT debit_account AS account, -amount_minor AS minor FROM ${from} UNION ALL
      SELECT credit_account, amount_minor FROM ${from}) GROUP BY account HAVING sum(minor) <> 0 ORDER BY account`;
    await withViews(out, async (query) => {
      const upTo = `(SELECT * FROM ledger WHERE "offset" < ${promoted.offset} AND (generation = 1 OR sequence < ${ledger.length}))`;
      expect(await query(balancesOf(upTo))).toEqual(await query(balancesOf(lakeTable(shadow, 'ledger'))));
      const [{ corrections, cited } = {}] = await query(`SELECT count(*)::INT AS corrections,
        count(*) FILTER (cites_entry_id IN (SELECT entry_id FROM ${lakeTable(out, 'ledger')}))::INT AS cited
        FROM ledger WHERE generation = 1`);
      expect(corrections).toBeGreaterThan(20);
      expect(cited).toBe(corrections);
    });
  });

  test('is named where a decision is explained, beside what was answered', async () => {
    const [flipped] = await withViews(out, (query) =>
      query(`SELECT event_id, was.outcome FROM decisions JOIN ${lakeTable(out, 'decisions')} AS was USING (event_id)
        WHERE generation = 1 AND decisions.outcome = 'decline' AND was.outcome <> 'decline'`),
    );
    const id = String(flipped?.['event_id']);
    const explained: unknown = JSON.parse(weir(['explain', id, '--out', out, '--json']));
    expect(explained).toMatchObject({
      outcome: flipped?.['outcome'],
      generation: 0,
      counts: { generation: 1, replayId, outcome: 'decline' },
    });
    expect(weir(['explain', id, '--out', out])).toContain('generation 1');
  });

  test('leaves the run to nobody who has the files of before', () => {
    expect(() => run(out, payments, [])).toThrow(/RUN_CHANGED|was begun with something else/);
  });

  test('is promoted once, and another replay of what ran before is stale', () => {
    expect(approve(out)).toEqual(promoted);
    expect(() => weir(['replay', 'abort', replayId, '--out', out, '--yes'])).toThrow(/promotion has begun/);
  });
});

function withoutAdded(row: SqlRow): SqlRow {
  const known = new Set(Object.keys(row).filter((name) => name !== 'added'));
  return Object.fromEntries(Object.entries(row).filter(([name]) => known.has(name)));
}

test('a promotion that is killed after any step goes on, and nobody opens the run meanwhile', async () => {
  for (const step of promotionSteps) {
    const out = copyOfRun(`killed-${step}`);
    const child = spawn(process.execPath, ['test/integration/promote-run.ts', out, replayId, step], {
      stdio: 'ignore',
    });
    const [, signal] = await once(child, 'exit');
    expect(signal, step).toBe('SIGKILL');
    if (step !== 'approve' && step !== 'end') {
      expect(() => run(out, payments, changed()), step).toThrow(/the promotion of the replay/);
    }
    expect(approve(out), step).toMatchObject({ generation: 1 });
    run(out, payments, changed());
    expect(await laterRows(out, before), step).toEqual(later);
    rmSync(out, { recursive: true });
  }
}, 240_000);

test('two replays of one log refuse each other, and one that was aborted leaves the run as it was', async () => {
  const out = copyOfRun('contested');
  const lock = lockReplays(out);
  expect(() => replay(out)).toThrow(/another replay of .* is at work/);
  expect(() => approve(out)).toThrow(/another replay of .* is at work/);
  lock.release();
  weir(['replay', 'abort', replayId, '--out', out, '--yes']);
  expect(() => approve(out)).toThrow(/it is aborted/);
  run(out, payments, []);
}, 60_000);

test('the drill of the runbook runs as it is written', () => {
  const [, drill = ''] = /```sh\n([^]*?)```/.exec(readFileSync('docs/runbook/replay.md', 'utf8')) ?? [];
  const script = `set -euo pipefail\nweir() { "${process.execPath}" bin/weir.ts "$@" 2>/dev/null; }\n${drill}`;
  const env = { ...process.env, DRILL: mkdtempSync(join(dir, 'drill-')) };
  const told = execFileSync('bash', ['-c', script], { encoding: 'utf8', env });
  expect(told).toContain('All 500 decisions from the beginning to the end come out the same.');
  expect(told).toContain('is aborted');
  expect(told).toMatch(/What became of it[^]*aborted[^]*promoted +drill/);
}, 180_000);
