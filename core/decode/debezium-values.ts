import type { ColumnValues } from '../contract/change-event.ts';
import { type Fields, fieldsIn, isFields, textIn } from './change-fields.ts';

/** Turns the rows of an envelope into values: columns by what the envelope's schema says of them. */
export type RowReader = Readonly<
  Record<
    'before' | 'after' | 'key',
    (row: Fields) => { readonly values: ColumnValues; readonly unavailable: readonly string[] }
  >
>;

/** What stands for a long value that did not change, which PostgreSQL keeps apart and does not log again. */
const unavailablePlaceholder = '__debezium_unavailable_value';

/** The reader for a schema; without one values stay as they are. */
export function readsOf(schema: Fields | null): RowReader {
  const read = (columns: ReadonlyMap<string, Fields>) => (row: Fields) => {
    const values: Record<string, unknown> = {};
    const unavailable: string[] = [];
    for (const [column, value] of Object.entries(row)) {
      if (isUnavailable(value)) unavailable.push(column);
      else values[column] = valueOf(value, columns.get(column));
    }
    return { values, unavailable };
  };
  return {
    before: read(columnsOf(schema, 'before')),
    after: read(columnsOf(schema, 'after')),
    key: read(columnsOf(schema, null)),
  };
}

function isUnavailable(value: unknown): boolean {
  if (value === unavailablePlaceholder) return true;
  return Array.isArray(value) && value.length === 1 && value[0] === unavailablePlaceholder;
}

function columnsOf(schema: Fields | null, part: string | null): ReadonlyMap<string, Fields> {
  const fields = listIn(schema, 'fields');
  const row = part === null ? fields : listIn(fields.find((field) => field['field'] === part) ?? null, 'fields');
  return new Map(row.map((column) => [String(column['field']), column]));
}

function listIn(fields: Fields | null, name: string): Fields[] {
  const list = fields?.[name];
  return Array.isArray(list) ? list.filter(isFields) : [];
}

/** Decimals as decimal text, times as ISO 8601; a value that is not what its schema says stays as it is. */
function valueOf(value: unknown, column: Fields | undefined): unknown {
  if (value === null || column === undefined) return value;
  switch (column['name']) {
    case 'org.apache.kafka.connect.data.Decimal':
      return decimalText(value, Number(textIn(fieldsIn(column, 'parameters') ?? {}, 'scale') ?? Number.NaN));
    case 'io.debezium.data.VariableScaleDecimal':
      return isFields(value) ? decimalText(value['value'], Number(value['scale'])) : value;
    case 'io.debezium.time.Date':
    case 'org.apache.kafka.connect.data.Date':
      return timeText(value, { perSecond: 1 / 86_400, kind: 'date' });
    case 'io.debezium.time.Timestamp':
    case 'org.apache.kafka.connect.data.Timestamp':
      return timeText(value, { perSecond: 1e3, kind: 'time' });
    case 'io.debezium.time.MicroTimestamp':
      return timeText(value, { perSecond: 1e6, kind: 'time' });
    case 'io.debezium.time.NanoTimestamp':
      return timeText(value, { perSecond: 1e9, kind: 'time' });
    default:
      return value;
  }
}

const base64Pattern = /^[A-Za-z0-9+/]+={0,2}$/;
const decimalBytesMax = 1024;

/** A big-endian number in two's complement, in base64, as decimal text with all digits of its scale. */
function decimalText(value: unknown, scale: number): unknown {
  if (typeof value !== 'string' || !base64Pattern.test(value)) return value;
  const bytes = Buffer.from(value, 'base64');
  if (!Number.isSafeInteger(scale) || Math.abs(scale) > decimalBytesMax || bytes.length > decimalBytesMax) return value;
  const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex') || '0'}`));
  const digits = String(unscaled < 0n ? -unscaled : unscaled);
  const sign = unscaled < 0n ? '-' : '';
  if (scale <= 0) return sign + digits + (unscaled === 0n ? '' : '0'.repeat(-scale));
  const padded = digits.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/** The largest time that a date can be, in seconds. */
const secondsMax = 8_640_000_000_000n;

function timeText(
  value: unknown,
  { perSecond, kind }: { readonly perSecond: number; readonly kind: 'date' | 'time' },
): unknown {
  const whole = typeof value === 'number' || typeof value === 'string' ? String(value) : '';
  if (!/^-?\d{1,25}$/.test(whole)) return value;
  const units = BigInt(whole);
  if (kind === 'date') {
    const seconds = units * 86_400n;
    return isTime(seconds) ? new Date(Number(seconds) * 1000).toISOString().replace(/T.*$/, '') : value;
  }
  const per = BigInt(perSecond);
  const seconds = (units - (((units % per) + per) % per)) / per;
  if (!isTime(seconds)) return value;
  const fraction = String(units - seconds * per)
    .padStart(String(per).length - 1, '0')
    .replace(/0+$/, '');
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, -5);
  return `${text}${fraction === '' ? '' : `.${fraction}`}Z`;
}

function isTime(seconds: bigint): boolean {
  return seconds <= secondsMax && seconds >= -secondsMax;
}
