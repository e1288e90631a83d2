import fc from 'fast-check';
import type { ColumnValues } from '../../core/contract/change-event.ts';

/** A change of a table as its database makes it, in the order of its log. */
export type TableChange = {
  readonly kind: 'snapshot' | 'insert' | 'update' | 'delete';
  readonly key: string;
  /** Of an update that changes the key: the one before. */
  readonly oldKey: string | null;
  readonly before: ColumnValues | null;
  readonly after: ColumnValues | null;
  readonly commitTimeMs: number;
  readonly transaction: number;
  /** From 0 in its transaction. */
  readonly within: number;
  readonly logPosition: number;
};

/** Histories that a database could have: rows are there before they change, and no key is there twice. */
export const tableChanges: fc.Arbitrary<readonly TableChange[]> = fc
  .array(
    fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      newKey: fc.constantFrom('a', 'b', 'c', 'd', null),
      risk: fc.constantFrom('low', 'high'),
      sector: fc.constantFrom('food', null),
      remove: fc.boolean(),
      pauseSeconds: fc.constantFrom(0, 0, 1, 5),
      isSameTransaction: fc.boolean(),
    }),
    { maxLength: 40 },
  )
  .map((steps) => {
    const table = new Map<string, ColumnValues>();
    const changes: TableChange[] = [];
    let place = { commitTimeMs: 1_767_258_000_000, transaction: 700, within: -1, logPosition: 20_000_000 };
    for (const step of steps) {
      const { commitTimeMs, transaction, within, logPosition } = place;
      const isFirst = changes.length === 0 || !step.isSameTransaction;
      place = {
        commitTimeMs: isFirst ? commitTimeMs + step.pauseSeconds * 1000 : commitTimeMs,
        transaction: isFirst ? transaction + 1 : transaction,
        within: isFirst ? 0 : within + 1,
        logPosition: logPosition + 88,
      };
      changes.push({ ...changeOf(table, step), ...place });
    }
    return changes;
  });

/** What is asked of a row: a change of its key where the new one is free, a deletion where the row is there. */
export type Step = {
  readonly key: string;
  readonly newKey: string | null;
  readonly risk: string;
  readonly sector: string | null;
  readonly remove: boolean;
};

/** Makes a change and applies it. */
export function changeOf(
  table: Map<string, ColumnValues>,
  { key, newKey, risk, sector, remove }: Step,
): Pick<TableChange, 'kind' | 'key' | 'oldKey' | 'before' | 'after'> {
  const before = table.get(key) ?? null;
  if (before !== null && remove) {
    table.delete(key);
    return { kind: 'delete', key, oldKey: null, before, after: null };
  }
  const target = before !== null && newKey !== null && !table.has(newKey) ? newKey : key;
  const after = { merchant_id: target, risk, sector };
  table.delete(key);
  table.set(target, after);
  if (before === null) return { kind: 'insert', key, oldKey: null, before, after };
  return { kind: 'update', key: target, oldKey: target === key ? null : key, before, after };
}

/** The table's rows at a time: every change up to then, applied one by one. */
export function tableAt(changes: readonly TableChange[], timeMs: number): Record<string, ColumnValues> {
  const table: Record<string, ColumnValues> = {};
  for (const { key, oldKey, after, commitTimeMs } of changes) {
    if (commitTimeMs > timeMs) return table;
    if (oldKey !== null) delete table[oldKey];
    if (after === null) delete table[key];
    else table[key] = after;
  }
  return table;
}

/** The records of Debezium's PostgreSQL connector: a change of the key is two, and a deletion has a tombstone behind it. */
export function debeziumRecords(change: TableChange): string[] {
  const { kind, key, oldKey, before, after, commitTimeMs, transaction, logPosition } = change;
  const source = {
    connector: 'postgresql',
    ts_ms: commitTimeMs,
    snapshot: String(kind === 'snapshot'),
    db: 'registry',
    schema: 'public',
    table: 'merchant',
    txId: transaction,
    lsn: logPosition,
  };
  const record = (id: string, value: unknown): string => JSON.stringify({ key: { merchant_id: id }, value });
  const deletion = (id: string): string[] => [
    record(id, { before: { merchant_id: id, risk: '', sector: null }, after: null, source, op: 'd' }),
    record(id, null),
  ];
  if (kind === 'delete') return deletion(key);
  if (oldKey !== null) {
    return [...deletion(oldKey), record(key, { before: null, after, source, op: 'c' })];
  }
  const op = { snapshot: 'r', insert: 'c', update: 'u' }[kind];
  return [record(key, { before: kind === 'update' && before !== null ? before : null, after, source, op })];
}

/** The record of DMS over PostgreSQL: the image before has the key alone, a deletion too. */
export function dmsRecord(change: TableChange): string {
  const { kind, key, oldKey, after, commitTimeMs, transaction, within, logPosition } = change;
  const time = new Date(commitTimeMs).toISOString();
  const hex = logPosition.toString(16).toUpperCase().padStart(8, '0');
  const isLoad = kind === 'snapshot';
  return JSON.stringify({
    data: after ?? { merchant_id: key, risk: null, sector: null },
    ...(kind === 'update' || kind === 'delete' ? { 'before-image': { merchant_id: oldKey ?? key } } : {}),
    metadata: {
      timestamp: time,
      'record-type': 'data',
      operation: isLoad ? 'load' : kind,
      'schema-name': 'public',
      'table-name': 'merchant',
      ...(isLoad
        ? {}
        : {
            'transaction-id': transaction,
            'transaction-record-id': within + 1,
            'commit-timestamp': time,
            'stream-position': `00000002/${hex}.2.00000002/${hex}`,
          }),
    },
  });
}

/** The record of Maxwell: whole seconds, and of the row before what has changed. */
export function maxwellRecord(change: TableChange): string {
  const { kind, before, after, commitTimeMs, transaction, within } = change;
  const changed = Object.entries(before ?? {}).filter(([column, value]) => after !== null && after[column] !== value);
  return JSON.stringify({
    database: 'public',
    table: 'merchant',
    type: kind === 'snapshot' ? 'bootstrap-insert' : kind,
    ts: Math.floor(commitTimeMs / 1000),
    xid: transaction,
    xoffset: within,
    position: `master.000006:${transaction}`,
    data: after ?? before,
    ...(kind === 'update' ? { old: Object.fromEntries(changed) } : {}),
  });
}
