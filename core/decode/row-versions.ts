import type { ChangeEvent, ColumnValues, RowVersion, TableKeys } from '../contract/change-event.ts';
import type { ChangeFormat } from '../contract/change-format.ts';
import { canonicalJson } from './canonical.ts';
import { readChange } from './read-change.ts';

/** The versions of one change, or why there are none. */
export type RowVersions =
  | { readonly ok: true; readonly versions: readonly RowVersion[] }
  | { readonly ok: false; readonly message: string };

/**
 * The versions that the record of a capture makes; none where it is no change of a row. Never throws: what cannot be read
 * has a reason.
 */
export function readVersions(format: ChangeFormat, bytes: Uint8Array, keys: TableKeys): RowVersions {
  const read = readChange(format, bytes);
  switch (read.kind) {
    case 'aside':
      return { ok: true, versions: [] };
    case 'refused':
      return { ok: false, message: read.refusal.message };
    case 'change':
      return rowVersions(read.change, keys);
  }
}

/**
 * What a change makes of the keys of its table: a version of the row, and where the key changed, the end of the row with
 * the old one first. The key's columns are those that are told for the table, else those that the envelope names.
 */
export function rowVersions(change: ChangeEvent, keys: TableKeys = {}): RowVersions {
  const name = change.schema === null ? change.table : `${change.schema}.${change.table}`;
  const columns = columnsOf(change, keys, name);
  if (columns === null) {
    return {
      ok: false,
      message: `got a change of ${name} that does not name the key's columns, expected the mapping to: keys: { ${JSON.stringify(change.table)}: [...] }`,
    };
  }
  const key = keyIn(change.after ?? change.before, columns);
  if (key === null) {
    return { ok: false, message: `got a change of ${name} without its key, expected a value of ${columns.join(', ')}` };
  }
  if (change.after === null) return { ok: true, versions: [versionOf(change, 'delete', key)] };
  const oldKey = keyBefore(change, columns, key);
  const upsert = versionOf(change, 'upsert', key);
  if (oldKey === null) return { ok: true, versions: [upsert] };
  return { ok: true, versions: [versionOf(change, 'delete', oldKey), upsert] };
}

function columnsOf({ key, table }: ChangeEvent, keys: TableKeys, name: string): readonly string[] | null {
  const told = own(keys, name) ?? own(keys, table);
  return told ?? (key === null || Object.keys(key).length === 0 ? null : Object.keys(key));
}

function own(keys: TableKeys, name: string): readonly string[] | undefined {
  return Object.hasOwn(keys, name) ? keys[name] : undefined;
}

/** The key's values in a row; null when one is missing. */
function keyIn(row: ColumnValues | null, columns: readonly string[]): ColumnValues | null {
  const values = columns.map((column) => (row !== null && Object.hasOwn(row, column) ? row[column] : null));
  if (values.some((value) => value === null || value === undefined)) return null;
  return Object.fromEntries(columns.map((column, index) => [column, values[index]]));
}

/** The key before an update that changed it. An image before that lacks a column of the key has it unchanged. */
function keyBefore(
  { operation, before }: ChangeEvent,
  columns: readonly string[],
  key: ColumnValues,
): ColumnValues | null {
  if (operation !== 'update' || before === null) return null;
  const known = Object.fromEntries(Object.entries(before).filter(([, value]) => value !== null && value !== undefined));
  const oldKey = keyIn({ ...key, ...known }, columns);
  return oldKey === null || canonicalJson(oldKey) === canonicalJson(key) ? null : oldKey;
}

function versionOf(change: ChangeEvent, kind: RowVersion['kind'], key: ColumnValues): RowVersion {
  const { schema, table, commitTimeMs, position, transaction, operation } = change;
  return {
    kind,
    schema,
    table,
    isSnapshot: operation === 'snapshot',
    changeId: position,
    commitTimeMs,
    position,
    transaction,
    key,
    values: kind === 'delete' ? key : rowOf(change),
    unchanged: kind === 'delete' ? [] : change.unchanged,
  };
}

/** The row; a column that did not change and is not there throws when it is read, so that nobody takes it for null. */
function rowOf({ after, unchanged, table }: ChangeEvent): ColumnValues {
  if (unchanged.length === 0) return after ?? {};
  const row = { ...after };
  for (const column of unchanged) {
    Object.defineProperty(row, column, {
      enumerable: true,
      get: () => {
        throw new Error(
          `got no value of ${table}.${column}, which did not change, expected one: ALTER TABLE ${table} REPLICA IDENTITY FULL`,
        );
      },
    });
  }
  return row;
}
