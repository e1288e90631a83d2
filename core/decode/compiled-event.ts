import { idempotencyHash, idempotencyKey } from '../contract/idempotency-key.ts';
import { target } from './compiled-binding.ts';
import type { CompiledDecoder } from './compiled-decoder.ts';
import { type EventColumns, countAt } from './event-columns.ts';
import { writeHexWords } from './hash-words.ts';
import { internText, sharedScope } from './interner.ts';

/** An event that the readable decoder accepted, and the row that it goes to. */
export type EventForRow = {
  readonly columns: EventColumns;
  readonly row: number;
  /** An event of the decoder's contract. */
  readonly event: object;
  /** SHA-256 of the canonical event, 64 hexadecimal characters. */
  readonly bodyHash: string;
};

/** Writes an event into a row, as reading its bytes by generated code would. */
export function writeEvent(decoder: CompiledDecoder, { columns, row, event, bodyHash }: EventForRow): void {
  const { binding, contract, interner } = decoder;
  const tenantId = textAt(event, ['tenantId']);
  const key = textAt(event, [contract.key]);
  const eventId = textAt(event, ['eventId']);
  columns.contract[row] = binding.contractNumber;
  columns.eventTimeMs[row] = numberAt(event, [contract.eventTimeField]);
  const tenant = internText(interner, tenantId, sharedScope);
  columns.tenant[row] = tenant;
  columns.account[row] = internText(interner, key, tenant);
  for (let index = 0; index < binding.numberPaths.length; index += 1) {
    columns.numbers[index]![row] = numberAt(event, binding.numberPaths[index]!);
  }
  for (let index = 0; index < binding.textPaths.length; index += 1) {
    const text = valueAt(event, binding.textPaths[index]!);
    const scope = binding.textIsOfTenant[index] === 1 ? tenant : sharedScope;
    columns.texts[index]![row] = typeof text === 'string' ? internText(interner, text, scope) : -1;
  }
  columns.eventIdStart[row] = columns.counts[countAt.textBytes]!;
  columns.eventIdEnd[row] = appendText(columns, eventId);
  columns.targetIdStart[row] = columns.counts[countAt.textBytes]!;
  writeHexWords(bodyHash, { words: columns.bodyHash, at: row * 8, count: 8 });
  const own = idempotencyHash(idempotencyKey({ topic: contract.topic, tenantId, key, eventId }));
  writeHexWords(own, { words: columns.idHash, at: row * 4, count: 4 });
  writeTarget(decoder, { columns, row, event, bodyHash });
  columns.targetIdEnd[row] = columns.counts[countAt.textBytes]!;
}

function writeTarget({ binding, contract }: CompiledDecoder, { columns, row, event }: EventForRow): void {
  if (binding.targetLeaf < 0) {
    columns.targetHash.fill(0, row * 4, row * 4 + 4);
    return;
  }
  const eventId = textAt(event, [target.field]);
  const identity = { tenantId: textAt(event, ['tenantId']), key: textAt(event, [contract.key]), eventId };
  const place = { words: columns.targetHash, at: row * 4, count: 4 };
  appendText(columns, eventId);
  writeHexWords(idempotencyHash(idempotencyKey({ topic: target.topic, ...identity })), place);
}

const utf8 = new TextEncoder();

/** Appends a text to the bytes of the ids and returns where it ends. */
function appendText(columns: EventColumns, text: string): number {
  const { counts, text: room } = columns;
  const start = counts[countAt.textBytes]!;
  if (start + text.length > room.length) throw new RangeError('got a row beyond the room for ids');
  let end = start;
  for (; end < start + text.length; end += 1) {
    const unit = text.charCodeAt(end - start);
    if (unit > 0x7f) break;
    room[end] = unit;
  }
  if (end < start + text.length) {
    const bytes = utf8.encode(text);
    room.set(bytes, start);
    end = start + bytes.length;
  }
  counts[countAt.textBytes] = end;
  return end;
}

/** A number as it is, a truth value as 0 or 1, and NaN where there is none. */
function numberAt(event: object, path: readonly string[]): number {
  const value = valueAt(event, path);
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' ? value : Number.NaN;
}

function textAt(event: object, path: readonly string[]): string {
  const value = valueAt(event, path);
  if (typeof value !== 'string') throw new Error(`got no text at ${path.join('.')} of an event, expected one`);
  return value;
}

function valueAt(event: object, path: readonly string[]): unknown {
  let value: unknown = event;
  for (const name of path) value = isObject(value) ? value[name] : undefined;
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
