import type { Generation } from './generations.ts';

/**
 * Views for DuckDB of what counts now, with `generation` (0: as it was answered): decisions, the newest generation of each,
 * and the ledger, with its corrections. Its first line says which generation is the current one.
 */
export function generationViews(out: string, generations: readonly Generation[]): string {
  const current = generations.at(-1)?.generation ?? 0;
  return `-- generation ${current}
-- What counts now, for DuckDB: ".read" this file. Files of the lake itself are as they were answered.
CREATE OR REPLACE VIEW decisions AS
${[0, ...generations.map(({ generation }) => generation)]
  .map((generation) => decisionsOf(out, { generation, generations }))
  .join('\nUNION ALL BY NAME\n')};
CREATE OR REPLACE VIEW ledger AS
SELECT *, 0 AS generation FROM ${tableAt(`${out}/lake/ledger`)}${generations
    .filter(({ corrections }) => corrections > 0)
    .map(({ generation }) => correctionsOf(out, generation))
    .join('')};
`;
}

function decisionsOf(
  out: string,
  { generation, generations }: { readonly generation: number; readonly generations: readonly Generation[] },
): string {
  const own = generations.find((one) => one.generation === generation);
  const dir = own === undefined ? `${out}/lake/decisions` : `${out}/generations/${generation}/decisions`;
  const newer = generations.filter((one) => one.generation > generation).map((one) => `NOT ${rangeOf(one)}`);
  const conditions = own === undefined ? newer : [rangeOf(own), ...newer];
  return `SELECT *, ${generation} AS generation FROM ${tableAt(dir)} WHERE ${conditions.join(' AND ')}`;
}

function correctionsOf(out: string, generation: number): string {
  const table = tableAt(`${out}/generations/${generation}/ledger_corrections`);
  return `\nUNION ALL BY NAME\nSELECT * EXCLUDE (correction_id, entry_id, entry_kind, kind), correction_id AS entry_id, 'correction' AS kind, ${generation} AS generation FROM ${table}`;
}

/** Times that stand for none are left out. */
function rangeOf({ fromMs, toMs, untilOffset }: Generation): string {
  const from = fromMs <= -8.64e15 ? '' : ` AND event_time >= epoch_ms(${fromMs})`;
  const to = toMs >= 8.64e15 ? '' : ` AND event_time < epoch_ms(${toMs})`;
  return `("offset" < ${untilOffset}${from}${to})`;
}

function tableAt(dir: string): string {
  return `read_parquet('${dir.replaceAll("'", "''")}/**/*.parquet', hive_partitioning = false, union_by_name = true)`;
}
