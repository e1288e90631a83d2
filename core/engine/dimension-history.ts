import type { ColumnValues, RowVersion } from '../contract/change-event.ts';
import { canonicalJson } from '../decode/canonical.ts';

/** What a row of a table said in `[validFromMs, validToMs)`, by commit time. */
export type HistoryRow = {
  readonly table: string;
  readonly key: ColumnValues;
  readonly validFromMs: number;
  /** Null while it is still so. */
  readonly validToMs: number | null;
  readonly values: ColumnValues;
};

/**
 * The history of tables from the versions of their rows, in any order and any number of times: by key, then by time. A
 * version is valid until the next of its key, by (commit time, position); one that the next replaces at once is not there.
 * A column that did not change has the value of the version before, and none where that is not known.
 */
export function dimensionHistory(versions: Iterable<RowVersion>): HistoryRow[] {
  const byKey = new Map<string, Map<string, RowVersion>>();
  for (const version of versions) {
    const name = canonicalJson([version.schema, version.table, version.key]);
    const known = byKey.get(name) ?? new Map<string, RowVersion>();
    known.set(`${version.commitTimeMs} ${version.changeId}`, version);
    byKey.set(name, known);
  }
  const names = [...byKey.keys()].toSorted();
  return names.flatMap((name) => historyOf([...(byKey.get(name) ?? new Map()).values()].toSorted(compareVersions)));
}

function compareVersions(left: RowVersion, right: RowVersion): number {
  if (left.commitTimeMs !== right.commitTimeMs) return left.commitTimeMs - right.commitTimeMs;
  return left.position < right.position ? -1 : 1;
}

function historyOf(versions: readonly RowVersion[]): HistoryRow[] {
  const rows: HistoryRow[] = [];
  let last: ColumnValues = {};
  for (const [index, { kind, table, key, commitTimeMs, values, unchanged }] of versions.entries()) {
    const isHere = (column: string): boolean => !unchanged.includes(column);
    const own = Object.keys(values).filter(isHere);
    const filled = unchanged.filter((column) => Object.hasOwn(last, column));
    last = Object.fromEntries([
      ...own.map((column) => [column, values[column]] as const),
      ...filled.map((column) => [column, last[column]] as const),
    ]);
    if (kind === 'delete') last = {};
    const validToMs = versions[index + 1]?.commitTimeMs ?? null;
    if (kind === 'delete' || validToMs === commitTimeMs) continue;
    rows.push({ table, key, validFromMs: commitTimeMs, validToMs, values: last });
  }
  return rows;
}
