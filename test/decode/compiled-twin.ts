import { eventReaders } from '../../core/contract/domain-event.ts';
import { idempotencyHash, idempotencyKey } from '../../core/contract/idempotency-key.ts';
import { createColumnSpace, measureLayout } from '../../core/decode/column-space.ts';
import { compileDecoder, decodeRow } from '../../core/decode/compile-decoder.ts';
import { type CompiledDecoder, readEvent } from '../../core/decode/compiled-decoder.ts';
import { type Decoded, decode } from '../../core/decode/decode.ts';
import { contractNumbers, type EventColumns, layOutEvents } from '../../core/decode/event-columns.ts';
import { hexOfWords } from '../../core/decode/hash-words.ts';
import { createInterner, type Interner, scopeOf, sharedScope, textOf } from '../../core/decode/interner.ts';

/** All fields that can have a column, so that each is compared. */
const layout = {
  numbers: ['amountMinor', 'eventTimeMs', 'location.latitude', 'location.longitude'],
  texts: ['accountId', 'cardToken', 'merchantId', 'terminalId', 'deviceId', 'ipPrefix'].concat([
    'currency',
    'channel',
    'entryMode',
    'mcc',
    'country',
    'authorizationId',
    'reason',
    'tenantId',
  ]),
};

const ids = new Set(['accountId', 'cardToken', 'merchantId', 'terminalId', 'deviceId', 'ipPrefix', 'authorizationId']);

/** The compiled decoders of all contracts, and how often which way was taken, so that a test can prove that it saw each. */
export type Comparison = {
  readonly interner: Interner;
  readonly decoders: ReadonlyMap<string, CompiledDecoder>;
  readonly columns: EventColumns;
  readonly tally: { fast: number; slowAccepted: number; refused: number };
};

/** What the compiled decoder says of a record, and what it should say. */
export type Pair = { readonly found: unknown; readonly expected: unknown };

export function createComparison(): Comparison {
  const interner = createInterner();
  const sizes = { layout, rowsMax: 3, textBytesMax: 4096 };
  const sizeBytes = measureLayout((space) => layOutEvents(space, sizes));
  const contracts = [...eventReaders.values()].map(({ contract }) => contract);
  return {
    interner,
    decoders: new Map(contracts.map((contract) => [contract.topic, compileDecoder({ contract, layout, interner })])),
    columns: layOutEvents(createColumnSpace(new SharedArrayBuffer(sizeBytes)), sizes),
    tally: { fast: 0, slowAccepted: 0, refused: 0 },
  };
}

/** Decodes a record in both ways: its bytes alone, between copies of themselves, and between closing brackets. */
export function compare(comparison: Comparison, topic: string, bytes: Uint8Array): Pair {
  const neighbours = [new Uint8Array(0), bytes, new TextEncoder().encode('9"}}'.repeat(100))];
  const pairs = neighbours.map((neighbour, index) => {
    const start = neighbour.length;
    const end = start + bytes.length;
    const block = new Uint8Array(end + (index === 0 ? 0 : neighbour.length + 600));
    block.set(neighbour);
    block.set(bytes, start);
    if (index > 0) block.set(neighbour, end);
    return compareSpan(comparison, topic, { block, start, end });
  });
  return { found: pairs.map(({ found }) => found), expected: pairs.map(({ expected }) => expected) };
}

/** A record's bytes within a block. */
export type Span = { readonly block: Uint8Array; readonly start: number; readonly end: number };

/** Decodes a record in both ways where it lies. */
export function compareSpan({ columns, decoders, interner, tally }: Comparison, topic: string, span: Span): Pair {
  const { block, start, end } = span;
  const decoder = decoders.get(topic);
  if (decoder === undefined) throw new Error(`got topic ${topic}, expected one with a decoder`);
  const decoded = decode({ topic, bytes: block.subarray(start, end) });
  const isFast = readEvent(decoder, block, start, end);
  columns.counts[1] = 0;
  const refused = decodeRow(decoder, columns, 1, block, start, end);
  tally[decoded.ok ? (isFast ? 'fast' : 'slowAccepted') : 'refused'] += 1;
  if (!decoded.ok) {
    return {
      found: { refused, isFast, contract: columns.contract[1] },
      expected: { refused: decoded, isFast: false, contract: 255 },
    };
  }
  return { found: { refused, ...describeRow(columns, interner) }, expected: { refused: null, ...describe(decoded) } };
}

/** A row's own values, its texts with the text of their scope. */
function describeRow(columns: EventColumns, interner: Interner): object {
  const text = (id: number): unknown => {
    if (id < 0) return null;
    const scope = scopeOf(interner, id);
    return [textOf(interner, id), scope === sharedScope ? null : textOf(interner, scope)];
  };
  const hex = (words: Uint32Array, count: number): string => hexOfWords({ words, at: count, count });
  const id = (start: Uint32Array, end: Uint32Array): string => utf8.decode(columns.text.slice(start[1], end[1]));
  return {
    contract: columns.contract[1],
    eventTimeMs: columns.eventTimeMs[1],
    tenant: text(columns.tenant[1] ?? -2),
    account: text(columns.account[1] ?? -2),
    numbers: columns.numbers.map((column) => column[1]),
    texts: columns.texts.map((column) => text(column[1] ?? -2)),
    hashes: [hex(columns.bodyHash, 8), hex(columns.idHash, 4), hex(columns.targetHash, 4)],
    ids: [id(columns.eventIdStart, columns.eventIdEnd), id(columns.targetIdStart, columns.targetIdEnd)],
  };
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The same of an event that the readable decoder gave. */
function describe({ event: { topic, event }, bodyHash }: Extract<Decoded, { ok: true }>): object {
  const { tenantId, accountId, eventId, eventTimeMs } = event;
  const fields = new Map(Object.entries(flatten(event)));
  const targetId = 'authorizationId' in event ? event.authorizationId : null;
  const key = { tenantId, key: accountId };
  const targetKey = idempotencyKey({ ...key, topic: 'payments.authorization.v1', eventId: targetId ?? '' });
  return {
    contract: contractNumbers[topic],
    eventTimeMs,
    tenant: [tenantId, null],
    account: [accountId, tenantId],
    numbers: layout.numbers.map((path) => fields.get(path) ?? Number.NaN),
    texts: layout.texts.map((path) => {
      const text = fields.get(path);
      return text === undefined ? null : [text, ids.has(path) ? tenantId : null];
    }),
    hashes: [
      bodyHash,
      idempotencyHash(idempotencyKey({ ...key, topic, eventId })),
      targetId === null ? '0'.repeat(32) : idempotencyHash(targetKey),
    ],
    ids: [eventId, targetId ?? ''],
  };
}

function flatten(value: object, prefix = ''): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
      typeof inner === 'object' && inner !== null
        ? Object.entries(flatten(inner, `${prefix}${name}.`))
        : [[prefix + name, inner]],
    ),
  );
}
