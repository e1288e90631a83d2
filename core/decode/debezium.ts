import type { ChangeEvent, ColumnValues } from '../contract/change-event.ts';
import {
  contains,
  type Fields,
  fieldsIn,
  isFields,
  misread,
  snapshotPosition,
  sortablePosition,
  textIn,
  wholeIn,
} from './change-fields.ts';
import { readsOf, type RowReader } from './debezium-values.ts';
import type { EnvelopeResult } from './read-change.ts';

/**
 * Reads a record of Debezium: the envelope alone or with its schema, and with the record's key where the line has both.
 * https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events
 */
export function readDebezium(record: Fields): EnvelopeResult {
  const hasKey = contains(record, ['key', 'value']);
  const value = hasKey ? record['value'] : record;
  if (value === null || (isFields(value) && contains(value, ['payload']) && value['payload'] === null)) {
    return 'tombstone';
  }
  if (!isFields(value)) return misread(record, 'value', 'an envelope or null');
  const envelope = fieldsIn(value, 'payload') ?? value;
  const aside = asideOf(envelope);
  if (aside !== null) return aside;
  const reads = readsOf(fieldsIn(value, 'schema'));
  return changeOf(envelope, reads, keyOf(record['key']));
}

function keyOf(key: unknown): ColumnValues | null {
  if (!isFields(key)) return null;
  const payload = fieldsIn(key, 'payload');
  return payload === null ? key : readsOf(fieldsIn(key, 'schema')).key(payload).values;
}

function asideOf(envelope: Fields): EnvelopeResult | null {
  const { op } = envelope;
  if (op === 'm') return 'message';
  if (op !== undefined) return null;
  if (contains(envelope, ['status', 'id'])) return 'transaction';
  if (contains(envelope, ['databaseName', 'ddl']) || contains(envelope, ['tableChanges'])) return 'schemaChange';
  const isHeartbeat = contains(envelope, ['ts_ms']) && Object.keys(envelope).length === 1;
  return isHeartbeat ? 'heartbeat' : null;
}

const operations: Readonly<Record<string, ChangeEvent['operation']>> = {
  r: 'snapshot',
  c: 'insert',
  u: 'update',
  d: 'delete',
};

function changeOf(envelope: Fields, reads: RowReader, key: ColumnValues | null): EnvelopeResult {
  const { op } = envelope;
  const operation = typeof op === 'string' && Object.hasOwn(operations, op) ? operations[op] : undefined;
  if (operation === undefined) return misread(envelope, 'op', 'c, u, d or r: the change of a row');
  const source = fieldsIn(envelope, 'source');
  if (source === null) return misread(envelope, 'source', 'an object');
  const table = textIn(source, 'table') ?? textIn(source, 'collection');
  if (table === null) return misread(source, 'table', 'the name of a table', 'source');
  const commitTimeMs = wholeIn(source, 'ts_ms') ?? wholeIn(envelope, 'ts_ms');
  if (commitTimeMs === null) return misread(source, 'ts_ms', 'milliseconds', 'source');
  const needed = operation === 'delete' ? 'before' : 'after';
  const row = fieldsIn(envelope, needed);
  // A table without a replica identity: the key of the record is all that a deletion says.
  if (row === null && (operation !== 'delete' || key === null)) return misread(envelope, needed, 'the row, an object');
  const before = fieldsIn(envelope, 'before');
  const readBefore = before === null ? null : reads.before(before);
  const after = operation === 'delete' || row === null ? null : reads.after(row);
  const completed = complete(after, readBefore);
  const isSnapshot = operation === 'snapshot';
  return {
    schema: textIn(source, 'schema') ?? textIn(source, 'db'),
    table,
    operation,
    key,
    before: operation === 'update' || operation === 'delete' ? (readBefore?.values ?? key) : null,
    after: completed?.values ?? null,
    unchanged: completed?.unavailable ?? [],
    commitTimeMs,
    position: positionOf(source, isSnapshot ? commitTimeMs : null),
    transaction: isSnapshot ? null : transactionOf(envelope, source),
  };
}

type Row = ReturnType<RowReader['after']>;

/**
 * With a full replica identity the row before has what the row after lacks. With any other it has the key, and null or an
 * empty value in place of the rest; a value that PostgreSQL keeps apart is a long one.
 */
function complete(after: Row | null, before: Row | null): Row | null {
  if (after === null || after.unavailable.length === 0 || before === null) return after;
  const known = after.unavailable.filter((column) => isLong(before.values[column]));
  const values = { ...after.values, ...Object.fromEntries(known.map((column) => [column, before.values[column]])) };
  return { values, unavailable: after.unavailable.filter((column) => !known.includes(column)) };
}

function isLong(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0;
}

/** PostgreSQL's LSN; MySQL's file, position and row; SQL Server's and Oracle's own. A snapshot's is its time. */
function positionOf(source: Fields, snapshotTimeMs: number | null): string {
  if (snapshotTimeMs !== null) return sortablePosition(snapshotPosition, snapshotTimeMs);
  const lsn = textIn(source, 'lsn');
  if (lsn !== null) return sortablePosition(lsn);
  const file = textIn(source, 'file');
  if (file !== null) return sortablePosition(file, textIn(source, 'pos'), textIn(source, 'row'));
  const serial = textIn(source, 'event_serial_no');
  return sortablePosition(textIn(source, 'change_lsn') ?? textIn(source, 'scn') ?? textIn(source, 'ts_ns'), serial);
}

function transactionOf(envelope: Fields, source: Fields): string | null {
  const transaction = fieldsIn(envelope, 'transaction');
  return textIn(source, 'txId') ?? (transaction === null ? null : textIn(transaction, 'id'));
}
