import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import handbook from '../../examples/handbook/features.ts';
import { mapping } from '../../examples/handbook/mapping.ts';
import { openSource } from '../../adapters/files/source.ts';
import { writeFeatureTable } from '../../runtime/feature-table.ts';
import { handbookSql } from './handbook-sql.ts';
import { openSql } from './sql.ts';

const file = process.env['WEIR_HANDBOOK'];
const isThere = file !== undefined && existsSync(file);
const reason = 'WEIR_HANDBOOK names no file: the payments of the Fraud-Detection-Handbook, which have no licence';
if (!isThere) process.stderr.write(`handbook.test.ts is skipped: ${reason}\n`);

const minutes = 60_000;
let dir = '';
let table = '';

// Skipped without WEIR_HANDBOOK, with the reason printed above: the file has no licence and is not in the project.
describe.skipIf(!isThere)('the 15 handbook features over every payment of the handbook', () => {
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'weir-handbook-'));
    table = join(dir, 'features.parquet');
    const source = await openSource({ path: file ?? '', builtInMappings: [mapping] });
    await writeFeatureTable({ featureSet: handbook, items: source.events(), path: table });
  }, 15 * minutes);

  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test(
    'decision values equal DuckDB in file order',
    async () => {
      expect(await mismatches('decision')).toEqual(noMismatch);
    },
    5 * minutes,
  );

  test(
    'settled values equal DuckDB by RANGE',
    async () => {
      expect(await mismatches('settled')).toEqual(noMismatch);
    },
    5 * minutes,
  );
});

const features = [
  'amount',
  'weekend',
  'night',
  ...['1d', '7d', '30d'].flatMap((window) => [`customer_count_${window}`, `customer_avg_amount_${window}`]),
  ...['1d', '7d', '30d'].flatMap((window) => [`terminal_count_${window}`, `terminal_fraud_rate_${window}`]),
];
const noMismatch = { rows: 1_754_155, ...Object.fromEntries(features.map((feature) => [feature, 0])) };

/** For each feature the rows where the two differ by more than 1e-9 relative, or where one is missing. */
async function mismatches(order: 'decision' | 'settled'): Promise<Record<string, number>> {
  const sql = await openSql();
  try {
    const suffix = order === 'settled' ? '_settled' : '';
    const counts = features.map((feature) => {
      const own = `own.${feature}${suffix}`;
      const other = `other.${feature}`;
      return `count(*) FILTER (WHERE NOT coalesce(abs(${own} - ${other}) <= 1e-9 * greatest(1, abs(${other})), false)) AS ${feature}`;
    });
    const [row = {}] = await sql.query(
      `SELECT count(*) AS rows, ${counts.join(',\n')}
       FROM read_parquet('${table}') AS own FULL JOIN (${handbookSql(file ?? '', order)}) AS other
       ON own.transaction_id = other.id`,
    );
    return Object.fromEntries(Object.entries(row).map(([name, count]) => [name, Number(count)]));
  } finally {
    sql.close();
  }
}
