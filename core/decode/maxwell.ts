import { hash } from 'node:crypto';
import type { ChangeEvent, ColumnValues } from '../contract/change-event.ts';
import { canonicalJson } from './canonical.ts';
import {
  contains,
  type Fields,
  fieldsIn,
  misread,
  snapshotPosition,
  sortablePosition,
  textIn,
  wholeIn,
} from './change-fields.ts';
import type { Aside, EnvelopeResult } from './read-change.ts';

/** Reads a record of Maxwell: http://maxwells-daemon.io/dataformat/ */
export function readMaxwell(record: Fields): EnvelopeResult {
  const type = textIn(record, 'type') ?? '';
  const aside = asideOf(type, record);
  if (aside !== null) return aside;
  const operation = Object.hasOwn(operations, type) ? operations[type] : undefined;
  if (operation === undefined) return misread(record, 'type', 'insert, update, delete or bootstrap-insert');
  const table = textIn(record, 'table');
  if (table === null) return misread(record, 'table', 'the name of a table');
  const data = fieldsIn(record, 'data');
  if (data === null) return misread(record, 'data', 'the row, an object');
  const seconds = wholeIn(record, 'ts');
  if (seconds === null) return misread(record, 'ts', 'seconds');
  const old = fieldsIn(record, 'old');
  const isSnapshot = operation === 'snapshot';
  const commitTimeMs = wholeIn(record, 'ts_ms') ?? seconds * 1000;
  if (!Number.isSafeInteger(commitTimeMs)) return misread(record, 'ts', 'seconds');
  return {
    schema: textIn(record, 'database'),
    table,
    operation,
    key: keyOf(record, data),
    before: operation === 'delete' ? data : operation === 'update' ? { ...data, ...old } : null,
    after: operation === 'delete' ? null : data,
    unchanged: [],
    commitTimeMs,
    position: isSnapshot ? sortablePosition(snapshotPosition, commitTimeMs) : positionOf(record),
    transaction: isSnapshot ? null : textIn(record, 'xid'),
  };
}

const operations: Readonly<Record<string, ChangeEvent['operation']>> = {
  'bootstrap-insert': 'snapshot',
  insert: 'insert',
  update: 'update',
  delete: 'delete',
};

function asideOf(type: string, record: Fields): Aside | null {
  if (type === 'bootstrap-start' || type === 'bootstrap-complete') return 'bootstrap';
  if (/^(table|database)-(create|alter|drop)$/.test(type)) return 'schemaChange';
  if (type === 'heartbeat' || (type === '' && contains(record, ['heartbeat']))) return 'heartbeat';
  return null;
}

/** The columns that make the key, where Maxwell is asked to tell them (`output_primary_key_columns`). */
function keyOf(record: Fields, data: Fields): ColumnValues | null {
  const columns = record['primary_key_columns'];
  if (!Array.isArray(columns) || columns.length === 0) return null;
  const names = columns.filter((column): column is string => typeof column === 'string' && Object.hasOwn(data, column));
  return names.length === columns.length ? Object.fromEntries(names.map((name) => [name, data[name]])) : null;
}

/**
 * All rows of a transaction may have one position in the binary log: their number within it tells them apart. Where Maxwell
 * does not tell it (`output_xoffset`), what the row says does, though in no order.
 */
function positionOf(record: Fields): string {
  const position = textIn(record, 'position') ?? textIn(record, 'gtid');
  const transaction = sortablePosition(position, textIn(record, 'xid'));
  const within = textIn(record, 'xoffset');
  if (within !== null) return `${transaction}.${sortablePosition(within)}`;
  const { type, data, old = null } = record;
  return `${transaction}.${hash('sha256', canonicalJson([type, data, old]), 'hex').slice(0, 16)}`;
}
