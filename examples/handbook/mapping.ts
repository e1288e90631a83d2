import type { MappedEvent, MappedRow, Mapping, SourceRow } from '../../core/contract/mapping.ts';

/**
 * The transactions of the Fraud-Detection-Handbook, as Parquet or CSV: each row is an authorization, and a fraud is
 * disputed seven days later, when the book takes its label as known.
 */
export const mapping: Mapping = {
  name: 'handbook',
  version: 1,
  topic: 'payments.authorization.v1',
  columns: ['TRANSACTION_ID', 'TX_DATETIME', 'CUSTOMER_ID', 'TERMINAL_ID', 'TX_AMOUNT', 'TX_FRAUD'],
  map: mapRow,
};

const tenantId = 'handbook';
const labelDelayMs = 7 * 86_400_000;

function mapRow(row: SourceRow): MappedRow {
  const id = readId(row['TRANSACTION_ID']);
  const eventTimeMs = readTimeMs(row['TX_DATETIME']);
  const customer = readId(row['CUSTOMER_ID']);
  const terminal = readId(row['TERMINAL_ID']);
  const amountMinor = readAmountMinor(row['TX_AMOUNT']);
  const isFraud = readFlag(row['TX_FRAUD']);
  if (
    id === null ||
    eventTimeMs === null ||
    customer === null ||
    terminal === null ||
    amountMinor === null ||
    isFraud === null
  ) {
    return refuseRow(row);
  }
  const event = {
    tenantId,
    eventId: id,
    eventTimeMs,
    accountId: customer,
    cardToken: `card-${customer}`,
    merchantId: `merchant-${terminal}`,
    terminalId: terminal,
    amountMinor,
    currency: 'EUR',
    channel: 'cardPresent',
    entryMode: 'chip',
    mcc: '5999',
    country: 'BE',
  };
  const authorization: MappedEvent = { topic: 'payments.authorization.v1', eventTimeMs, event };
  return {
    kind: 'mapped',
    events: [authorization],
    deferred: isFraud ? [createDispute({ id, customer, eventTimeMs: eventTimeMs + labelDelayMs })] : [],
  };
}

type Disputed = { readonly id: string; readonly customer: string; readonly eventTimeMs: number };

function createDispute({ id, customer, eventTimeMs }: Disputed): MappedEvent {
  return {
    topic: 'payments.dispute.v1',
    eventTimeMs,
    event: {
      tenantId,
      eventId: `dispute-${id}`,
      eventTimeMs,
      accountId: customer,
      authorizationId: id,
      reason: 'fraud',
    },
  };
}

type Reader = { readonly column: string; readonly read: (value: unknown) => unknown; readonly expected: string };

const readers: readonly Reader[] = [
  { column: 'TRANSACTION_ID', read: readId, expected: 'a whole number' },
  { column: 'TX_DATETIME', read: readTimeMs, expected: 'a time such as 2018-04-01 00:00:31' },
  { column: 'CUSTOMER_ID', read: readId, expected: 'a whole number' },
  { column: 'TERMINAL_ID', read: readId, expected: 'a whole number' },
  { column: 'TX_AMOUNT', read: readAmountMinor, expected: 'an amount of at least 0' },
  { column: 'TX_FRAUD', read: readFlag, expected: '0 or 1' },
];

function refuseRow(row: SourceRow): MappedRow {
  const bad = readers.filter(({ column, read }) => read(row[column]) === null);
  const issues = bad.map(({ column, expected }) => ({ path: column, got: describe(row[column]), expected }));
  const message = issues.map(({ path, got, expected }) => `got ${got} in ${path}, expected ${expected}`).join('; ');
  return { kind: 'unmappable', error: { message, issues } };
}

/** What a value is, never the value itself: a column that slipped could hold a card number. */
function describe(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'nothing';
  if (typeof value === 'string') return `text of ${value.length} characters`;
  return `a ${typeof value} that does not fit`;
}

function readId(value: unknown): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : null;
  if (typeof value === 'bigint') return value >= 0n ? String(value) : null;
  return typeof value === 'string' && /^\d{1,19}$/.test(value) ? value : null;
}

const timeForm = /^(\d{4}-\d{2}-(\d{2}))[ T](\d{2}:\d{2}:\d{2})(?:\.0+)?$/;

/** Milliseconds UTC, from such a number, or from text without a zone. */
function readTimeMs(value: unknown): number | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : null;
  const found = typeof value === 'string' ? timeForm.exec(value) : null;
  if (found === null) return null;
  const timeMs = Date.parse(`${found[1]}T${found[3]}Z`);
  // Date.parse takes 30 February for 2 March: only a day that stays the same exists.
  return timeMs >= 0 && new Date(timeMs).getUTCDate() === Number(found[2]) ? timeMs : null;
}

function readAmountMinor(value: unknown): number | null {
  const amount = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof amount !== 'number') return null;
  const amountMinor = Math.round(amount * 100);
  return Number.isSafeInteger(amountMinor) && amountMinor >= 0 ? amountMinor : null;
}

function readFlag(value: unknown): boolean | null {
  if (value === 0 || value === '0' || value === false) return false;
  return value === 1 || value === '1' || value === true ? true : null;
}
