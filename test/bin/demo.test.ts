import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLake } from '../../adapters/files/lake.ts';
import { type Ended, inRepository, runWeir, temporaryDirectory } from './weir-process.ts';

const { dir, remove } = temporaryDirectory();
afterAll(remove);

const weir = (...args: string[]) => runWeir(args, dir);
const events = 6000;
type Decline = { readonly decisionId: string; readonly eventId: string; readonly score: number };
type Explained = {
  readonly features: readonly { readonly decision: number | null }[];
  readonly featureValues: readonly (number | null)[];
  readonly reasons: readonly unknown[];
};

let first: Ended;
let summary: ReturnType<typeof JSON.parse>;

beforeAll(async () => {
  first = await weir('demo', '--once', '--events', String(events), '--seed', '5', '--json');
  summary = JSON.parse(first.out);
}, 60_000);

describe('weir demo', () => {
  test('decides every payment once and posts it once, and says where it is kept', () => {
    expect(first.exitCode, first.error).toBe(0);
    expect(first.error).toBe('weir demo: made-up payments of seed 5; everything is kept in weir-out/demo-5\n');
    expect(summary).toMatchObject({
      status: 'complete',
      authorizations: events,
      decisions: events,
      decisionRows: events,
      ledgerAuthorizationEntries: events,
      labelled: { payments: events },
      inputEnded: false,
    });
    expect(summary.labelled.frauds).toBeGreaterThan(0);
    expect(summary.labelled.fraudsNotApproved).toBeGreaterThan(0);
    expect(summary.ledger.openHolds).toBeGreaterThan(0);
    expect(summary.process.latencyMs.p99).toBeGreaterThanOrEqual(summary.process.latencyMs.p50);
    expect(summary.files).toContainEqual(expect.objectContaining({ folder: 'lake/decisions' }));
  });

  test('ends by itself without a terminal, though nobody said how many', async () => {
    const unwatched = await weir('demo', '--seed', '6', '--json');
    expect(unwatched.exitCode, unwatched.error).toBe(0);
    expect(JSON.parse(unwatched.out)).toMatchObject({ status: 'complete', decisions: 20_000 });
  }, 60_000);

  test('prints no card token', () => {
    expect(first.out).not.toMatch(/card-\d/);
  });

  test('takes the next free folder, and the same seed decides the same', async () => {
    const second = await weir('demo', '--once', '--events', String(events), '--seed', '5');
    expect(second.exitCode).toBe(0);
    expect(second.error).toContain('weir-out/demo-5-2');
    expect(second.out).toContain('Against what the generator knows');
    expect(second.out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    const other = await weir('ledger', 'verify', '--out', 'weir-out/demo-5-2', '--json');
    const own = await weir('ledger', 'verify', '--out', 'weir-out/demo-5', '--json');
    expect({ ...JSON.parse(other.out), out: '' }).toEqual({ ...JSON.parse(own.out), out: '' });
  });

  test('refuses a folder that is not empty', async () => {
    const { exitCode, error } = await weir('demo', '--once', '--out', 'weir-out', '--json');
    expect({ exitCode, code: JSON.parse(error).code }).toEqual({ exitCode: 2, code: 'OUT_TAKEN' });
  });
});

describe('weir explain', () => {
  test('finds a decision by its id, its beginning and its event', async () => {
    const { decisionId, eventId, score }: Decline = summary.lastDeclines[0];
    const found = await Promise.all(
      [decisionId, decisionId.slice(0, 12), eventId].map((id) =>
        weir('explain', id, '--out', 'weir-out/demo-5', '--json'),
      ),
    );
    for (const { exitCode, out } of found) {
      expect(exitCode).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ decisionId, eventId, score, outcome: 'decline', iso20022Action: 'DCLN' });
    }
    const { features, featureValues, reasons }: Explained = JSON.parse(found[0]?.out ?? '');
    expect(features.map(({ decision }) => decision)).toEqual(featureValues);
    expect(reasons.length).toBeGreaterThan(0);
  });

  test('tells a person reasons, features and versions', async () => {
    const { out } = await weir('explain', summary.lastDeclines[0].decisionId, '--out', 'weir-out/demo-5');
    expect(out).toMatch(/^decline {2}score \d+ of 1000/);
    for (const part of ['Reasons', 'Rules that hit', 'Features', 'settled', 'Decided by']) expect(out).toContain(part);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('an unknown id ends with 1 and says what to do', async () => {
    const { exitCode, out, error } = await weir('explain', 'tx-none', '--out', 'weir-out/demo-5', '--json');
    expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
    expect(JSON.parse(error)).toMatchObject({ code: 'DECISION_NOT_FOUND', fix: expect.stringContaining('--out') });
  });

  test('the beginning of several ids ends with 1 and names some', async () => {
    const ids = await decisionIds('weir-out/demo-5');
    const shared = ids.find((id) => ids.filter((other) => other.slice(0, 4) === id.slice(0, 4)).length > 1) ?? '';
    const { exitCode, error } = await weir('explain', shared.slice(0, 4), '--out', 'weir-out/demo-5', '--json');
    expect({ exitCode, code: JSON.parse(error).code }).toEqual({ exitCode: 1, code: 'DECISION_AMBIGUOUS' });
    expect(JSON.parse(error).message).toContain(shared.slice(0, 4));
  });
});

describe('weir redrive', () => {
  test('puts corrected events back once, and the ledger stays sound', async () => {
    const out = 'weir-out/demo-5-2';
    const plan = JSON.parse((await weir('redrive', '--out', out, '--dry-run', '--json')).out);
    expect(plan.letters).toBeGreaterThan(0);
    expect((await weir('redrive', '--out', out)).exitCode).toBe(2);
    expect((await weir('redrive', '--out', out, '--export', 'letters.jsonl')).exitCode).toBe(0);
    const letters = linesOf('letters.jsonl');
    expect(letters).toHaveLength(plan.letters);
    const payment = {
      tenantId: 'demo',
      eventId: 'corrected-1',
      eventTimeMs: Date.parse(JSON.parse((await weir('explain', 'tx-00000001', '--out', out, '--json')).out).eventTime),
      accountId: 'acct-1',
      cardToken: 'card-1',
      merchantId: 'merch-1',
      terminalId: 'term-1',
      amountMinor: 1000,
      currency: 'EUR',
      channel: 'cardPresent',
      entryMode: 'chip',
      mcc: '5999',
      country: 'BE',
    };
    const fixed = { offset: letters[0].offset, topic: 'payments.authorization.v1', event: payment };
    writeFileSync(join(dir, 'fixed.jsonl'), `${JSON.stringify(fixed)}\n`);
    const args = ['redrive', '--out', out, '--fixed', 'fixed.jsonl', '--yes', '--json'];
    const redriven = JSON.parse((await weir(...args)).out);
    expect(redriven).toMatchObject({ letters: 1, events: 1, counts: { tooLate: 1 } });
    expect(JSON.parse((await weir(...args)).out)).toMatchObject({ letters: 0, events: 0, counts: {} });
    const left = JSON.parse((await weir('redrive', '--out', out, '--dry-run', '--json')).out);
    expect(left.letters).toBe(plan.letters - 1);
    expect((await weir('redrive', '--out', out, '--late', '--export', 'late.jsonl')).exitCode).toBe(0);
    expect(linesOf('late.jsonl')).toContainEqual(expect.objectContaining({ reason: 'tooLate', event: payment }));
    expect((await weir('ledger', 'verify', '--out', out)).exitCode).toBe(0);
  }, 60_000);
});

describe('weir redrive --mapping', () => {
  test('gives a row that could not be mapped to a better mapping, with the header of its file', async () => {
    const header = 'TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD\n';
    writeFileSync(
      join(dir, 'rows.csv'),
      `${header}1,2026-01-01 01:00:00,42,7,4.65,0\n2,2026-01-01 02:00:00,42,7,five,0\n`,
    );
    const mappingUrl = pathToFileURL(inRepository('examples/handbook/mapping.ts')).href;
    const better = `import { mapping as handbook } from '${mappingUrl}';
      const amountOf = (amount) => (amount === 'five' ? '5.00' : amount);
      const map = (row, number) => handbook.map({ ...row, TX_AMOUNT: amountOf(row.TX_AMOUNT) }, number);
      export const mapping = { ...handbook, version: 2, map };`;
    writeFileSync(join(dir, 'better.mjs'), better);
    const run = await weir('run', '--source', 'rows.csv', '--out', 'rows', '--json');
    expect(JSON.parse(run.out)).toMatchObject({ decisions: 1, deadLetters: 1 });
    const args = ['redrive', '--out', 'rows', '--yes', '--json'];
    expect(JSON.parse((await weir(...args)).out)).toMatchObject({ letters: 0, stayed: 1 });
    const redriven = JSON.parse((await weir(...args, '--mapping', 'better.mjs')).out);
    expect(redriven).toMatchObject({ letters: 1, stayed: 0, events: 1, counts: { tooLate: 1 } });
    expect(JSON.parse((await weir('explain', '2', '--out', 'rows', '--json')).out)).toMatchObject({ tooLate: true });
  });
});

describe('weir ledger verify', () => {
  test('ends with 3 when the end of the ledger is cut off', async () => {
    const table = join(dir, 'weir-out/demo-5-2/lake/ledger');
    const last = readdirSync(table, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.parquet'))
      .toSorted()
      .at(-1);
    rmSync(join(table, last ?? ''));
    const { exitCode, out } = await weir('ledger', 'verify', '--out', 'weir-out/demo-5-2', '--json');
    expect(exitCode).toBe(3);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([expect.objectContaining({ kind: 'headMismatch' })]),
    });
  });
});

function linesOf(file: string): ReturnType<typeof JSON.parse>[] {
  const lines = readFileSync(join(dir, file), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line));
}

async function decisionIds(out: string): Promise<string[]> {
  const ids: string[] = [];
  const options = { columns: ['decision_id'] };
  for await (const batch of openLake({ dir: join(dir, out, 'lake') }).readRows('decisions', options)) {
    for (const row of batch) ids.push(String(row['decision_id']));
  }
  return ids;
}
