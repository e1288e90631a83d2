import type { ChangeEvent } from '../contract/change-event.ts';
import {
  contains,
  type Fields,
  fieldsIn,
  isFields,
  misread,
  snapshotPosition,
  sortablePosition,
  textIn,
} from './change-fields.ts';
import type { EnvelopeResult } from './read-change.ts';

/**
 * Reads a record of AWS DMS for Kafka or Kinesis.
 * https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Target.Kafka.html#CHAP_Target.Kafka.Messageformat
 */
export function readDms(record: Fields): EnvelopeResult {
  const metadata = fieldsIn(record, 'metadata');
  if (metadata === null) return misread(record, 'metadata', 'an object');
  const kind = metadata['record-type'] ?? 'data';
  if (kind === 'control' || contains(record, ['control'])) return 'schemaChange';
  if (kind !== 'data') return misread(metadata, 'record-type', 'data or control', 'metadata');
  const table = textIn(metadata, 'table-name');
  if (table === null) return misread(metadata, 'table-name', 'the name of a table', 'metadata');
  if (table === exceptionsTable) return 'applyException';
  return changeOf(record, metadata, table);
}

/** Where DMS writes what it could not apply; its schema is empty. */
const exceptionsTable = 'awsdms_apply_exceptions';

/** Documents of 2023 say `create` and `read`. */
const operations: Readonly<Record<string, ChangeEvent['operation']>> = {
  load: 'snapshot',
  read: 'snapshot',
  insert: 'insert',
  create: 'insert',
  update: 'update',
  delete: 'delete',
};

function changeOf(record: Fields, metadata: Fields, table: string): EnvelopeResult {
  const name = textIn(metadata, 'operation')?.toLowerCase() ?? '';
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (operation === undefined) return misread(metadata, 'operation', 'load, insert, update or delete', 'metadata');
  const data = fieldsIn(record, 'data');
  const before = beforeOf(record);
  const row = operation === 'delete' ? (data ?? before) : data;
  if (row === null) return misread(record, 'data', 'the row, an object');
  const isSnapshot = operation === 'snapshot';
  const timeField = isSnapshot || textIn(metadata, 'commit-timestamp') === null ? 'timestamp' : 'commit-timestamp';
  const commitTimeMs = timeOf(textIn(metadata, timeField));
  if (commitTimeMs === null) return misread(metadata, timeField, 'a time such as 2026-01-01T09:30:00Z', 'metadata');
  return {
    schema: textIn(metadata, 'schema-name'),
    table,
    operation,
    key: null,
    before: operation === 'delete' ? { ...before, ...row } : before,
    after: operation === 'delete' ? null : row,
    unchanged: [],
    commitTimeMs,
    position: isSnapshot ? sortablePosition(snapshotPosition, commitTimeMs) : positionOf(metadata),
    transaction: isSnapshot ? null : textIn(metadata, 'transaction-id'),
  };
}

/** The image before: its name is a setting of the task, `before-image` by default. */
function beforeOf(record: Fields): Fields | null {
  const names = Object.keys(record).filter((name) => !['data', 'metadata', 'control'].includes(name));
  const [name, ...others] = names.filter((candidate) => isFields(record[candidate]));
  return name === undefined || others.length > 0 ? fieldsIn(record, 'before-image') : fieldsIn(record, name);
}

/** The stream's position has digits of a fixed length; the number within the transaction tells its changes apart. */
function positionOf(metadata: Fields): string {
  const within = textIn(metadata, 'transaction-record-id');
  const stream = textIn(metadata, 'stream-position');
  if (stream !== null) return `${stream}.${sortablePosition(within)}`;
  return sortablePosition(textIn(metadata, 'transaction-id'), within);
}

/** With or without a zone; UTC without. */
function timeOf(text: string | null): number | null {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:?\d\d)?$/.exec(text ?? '');
  const timeMs = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}${match[3] ?? 'Z'}`);
  return Number.isNaN(timeMs) ? null : timeMs;
}
