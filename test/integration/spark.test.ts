import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lakeTable, openSql } from './sql.ts';

const python = process.env['WEIR_SPARK_PYTHON'];
const problem = startSpark();
if (problem !== null) process.stderr.write(`spark.test.ts is skipped: ${problem}\n`);

let dir = '';
const minutes = 60_000;

// Skipped without a Python that has pyspark 4.0.1 and Java 17, with the reason printed above: together they are 500 MB.
describe.skipIf(problem !== null)('the lake, read by Spark', () => {
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-spark-'));
    const payments = join(dir, 'payments.jsonl');
    run(process.execPath, ['bin/weir.ts', 'generate', '--events', '20000', '--disturb', '--out', payments]);
    run(process.execPath, ['bin/weir.ts', 'run', '--source', payments, '--out', join(dir, 'out')]);
  }, 5 * minutes);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.each(['decisions', 'features', 'ledger', 'ledger_chain', 'late', 'dead_letters'])(
    '%s has the same rows and the same values in every column as by DuckDB',
    async (table) => {
      const counted: unknown = JSON.parse(run(python ?? '', ['-c', sparkScript, join(dir, 'out/lake', table)]));
      expect(counted).toEqual(await countByDuckDb(table));
    },
    5 * minutes,
  );
});

/** Rows, and for each column how many values are there and how many differ: every page is decoded. */
const sparkScript = `
import json, sys
from pyspark.sql import SparkSession, functions as F
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
rows = spark.read.parquet(sys.argv[1]).drop("event_date")
values = [F.struct(F.count(F.col(f"\`{c}\`")), F.countDistinct(F.col(f"\`{c}\`"))).alias(c) for c in rows.columns]
found = rows.agg(*values).collect()[0].asDict()
print(json.dumps({"rows": rows.count(), **{c: list(v) for c, v in found.items()}}))`;

async function countByDuckDb(table: string): Promise<Record<string, unknown>> {
  const sql = await openSql();
  try {
    const from = lakeTable(join(dir, 'out'), table);
    const columns = (await sql.query(`SELECT column_name AS name FROM (DESCRIBE SELECT * FROM ${from})`)).map(
      ({ name }) => String(name),
    );
    const counts = columns.flatMap((name) => [
      `count("${name}") AS "${name} n"`,
      `count(DISTINCT "${name}") AS "${name} d"`,
    ]);
    const [row = {}] = await sql.query(`SELECT count(*) AS rows, ${counts.join(', ')} FROM ${from}`);
    const found = columns.map((name) => [name, [Number(row[`${name} n`]), Number(row[`${name} d`])]] as const);
    expect(Number(row['rows'])).toBeGreaterThan(0);
    return { rows: Number(row['rows']), ...Object.fromEntries(found) };
  } finally {
    sql.close();
  }
}

/** Null when Spark can start, otherwise why it cannot. */
function startSpark(): string | null {
  if (python === undefined) return 'WEIR_SPARK_PYTHON names no Python with pyspark==4.0.1';
  try {
    run('java', ['-version']);
    run(python, ['-c', 'import pyspark']);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
