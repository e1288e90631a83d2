import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { lakeTable, openSql } from './sql.ts';

/** Rows of each lake table and a digest of them that does not depend on their order. */
export type Digest = Readonly<Record<string, string>>;

/**
 * What a run put out, as canonical rows: the last revision of each feature row, and nothing that names a clock
 * (ingest times). Two runs that agree here agree in every value of every row.
 */
export async function digestOf(dir: string): Promise<Digest> {
  const sql = await openSql();
  const digest: Record<string, string> = {};
  try {
    for (const [table, rows] of Object.entries(canonicalRows)) {
      if (!existsSync(join(dir, 'lake', table))) {
        digest[table] = '0 rows';
        continue;
      }
      const [row] = await sql.query(
        `SELECT count(*) AS n, bit_xor(hash(r))::VARCHAR AS x, sum(hash(r)::HUGEINT)::VARCHAR AS s
         FROM (SELECT r FROM (${rows(lakeTable(dir, table))}) AS r)`,
      );
      digest[table] = `${String(row?.['n'])} rows ${String(row?.['x'])} ${String(row?.['s'])}`;
    }
  } finally {
    sql.close();
  }
  return digest;
}

const canonicalRows: Readonly<Record<string, (table: string) => string>> = {
  decisions: (table) => `SELECT * FROM ${table}`,
  features: (table) =>
    `SELECT * FROM ${table} QUALIFY row_number() OVER (PARTITION BY "offset" ORDER BY revision DESC NULLS LAST) = 1`,
  ledger: (table) => `SELECT * FROM ${table}`,
  ledger_chain: (table) => `SELECT * FROM ${table}`,
  late: (table) => `SELECT * FROM ${table}`,
  dead_letters: (table) => `SELECT * EXCLUDE (ingest_time) FROM ${table}`,
};
