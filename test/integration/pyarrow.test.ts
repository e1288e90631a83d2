import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openLake } from '../../adapters/files/lake.ts';

const pyarrow = 'pyarrow==26.0.1';
const environment = resolve('node_modules/.cache/weir-pyarrow');
const python = join(environment, 'bin/python');
const problem = installPyarrow();
if (problem !== null) process.stderr.write(`pyarrow.test.ts: ${problem}\n`);

let dir = '';

// Elsewhere a machine without Python skips the suite; CI may not.
test.runIf(process.env['CI'] === 'true')('pyarrow could be installed, as it must be in CI', () => {
  expect(problem).toBeNull();
});

// Skipped where pyarrow could not be installed, with the reason printed above.
describe.skipIf(problem !== null)('the lake, read by pyarrow', () => {
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-pyarrow-'));
    const payments = join(dir, 'payments.jsonl');
    run(process.execPath, ['bin/weir.ts', 'generate', '--events', '20000', '--disturb', '--out', payments]);
    run(process.execPath, ['bin/weir.ts', 'run', '--source', payments, '--out', join(dir, 'out')]);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.each(['decisions', 'features', 'ledger', 'ledger_chain', 'late', 'dead_letters'])(
    '%s has the same rows, columns and null counts as by our own reader',
    async (table) => {
      const script = `
import json, sys, pyarrow.dataset as ds
t = ds.dataset(sys.argv[1], format="parquet", partitioning="hive").to_table()
t = t.drop_columns([c for c in t.column_names if c == "event_date"])
print(json.dumps({"rows": t.num_rows, "nulls": {c: t.column(c).null_count for c in t.column_names}}))`;
      const read: unknown = JSON.parse(run(python, ['-c', script, join(dir, 'out/lake', table)]));
      expect(read).toEqual(await countOwn(table));
    },
  );
});

async function countOwn(table: string): Promise<{ rows: number; nulls: Record<string, number> }> {
  const nulls: Record<string, number> = {};
  let rows = 0;
  for await (const batch of openLake({ dir: join(dir, 'out/lake') }).readRows(table)) {
    rows += batch.length;
    for (const row of batch) {
      for (const [column, value] of Object.entries(row)) {
        nulls[column] = (nulls[column] ?? 0) + Number(value === null || value === undefined);
      }
    }
  }
  expect(rows).toBeGreaterThan(0);
  return { rows, nulls };
}

/** Null when pyarrow is there, otherwise why it is not. */
function installPyarrow(): string | null {
  try {
    if (!existsSync(python)) run('python3', ['-m', 'venv', environment]);
    run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', pyarrow]);
    return null;
  } catch (error) {
    return `could not install ${pyarrow}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
