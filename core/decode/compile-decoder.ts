import type { Contract } from '../contract/contract.ts';
import { compileCanonical } from './compile-canonical.ts';
import { type EventSpans, compileRead, eventBytesMax, paddingBytes, readings } from './compile-read.ts';
import { bindColumns, target } from './compiled-binding.ts';
import { type CompiledDecoder, readEvent } from './compiled-decoder.ts';
import { writeEvent } from './compiled-event.ts';
import { compiledFields } from './compiled-fields.ts';
import { internRow, writeRow } from './compiled-row.ts';
import { type Decoded, decode } from './decode.ts';
import { type EventColumns, type EventLayout, noContract } from './event-columns.ts';
import { hashRow } from './hash-row.ts';
import { createHashSpace } from './hash-words.ts';
import type { Interner } from './interner.ts';

/** Why a record is no event, as the readable decoder says it. */
export type RefusedRecord = Extract<Decoded, { ok: false }>;

/** The most bytes of `text` that one row takes: two ids of 128 UTF-16 units. */
export const rowTextBytesMax = 2 * 128 * 3;

/**
 * Compiles the decoder of one contract. Throws when the layout asks for a field as what it is not, or when the contract
 * has no fields of an event or too many fields.
 */
export function compileDecoder(input: {
  readonly contract: Contract;
  readonly layout: EventLayout;
  readonly interner: Interner;
}): CompiledDecoder {
  const { contract, layout, interner } = input;
  const fields = compiledFields(contract);
  const count = fields.leaves.length;
  const spans: EventSpans = {
    starts: new Int32Array(count),
    ends: new Int32Array(count),
    numbers: new Float64Array(count),
    choices: new Int32Array(count),
  };
  const bytes = new Uint8Array(eventBytesMax + paddingBytes);
  const view = new DataView(bytes.buffer);
  return {
    contract,
    fields,
    binding: bindColumns({ contract, fields, layout }),
    interner,
    read: compileRead(fields, spans),
    writeCanonical: compileCanonical(fields, spans),
    spans,
    source: { bytes, bytesView: view, view, start: 0, end: 0, reading: readings.unsure },
    spaces: {
      body: createHashSpace(eventBytesMax),
      ownKey: createHashSpace(keyBytesMax, keyHeadOf(contract.topic)),
      targetKey: createHashSpace(keyBytesMax, keyHeadOf(target.topic)),
    },
    lastIds: { texts: new Int32Array(layout.texts.length).fill(-1), tenant: -1 },
    padded: { bytes, view },
  };
}

/** The beginning of an idempotency key's text, up to the tenant. */
function keyHeadOf(topic: string): Uint8Array {
  return new TextEncoder().encode(`[${JSON.stringify(topic)},`);
}

/** Three quoted ids of printable ASCII, their commas and the closing bracket; an id has at most 128 characters. */
const keyBytesMax = 3 * 131;

/**
 * Reads the event in `bytes[start, end)` into a row of the columns: all that an event brings, its texts interned, its
 * hashes made. Returns null, or why the record is no event; its row then has no contract and nothing else. The columns
 * need room for `rowTextBytesMax` bytes of text. Positional, since it is called for every record.
 */
export function decodeRow(
  decoder: CompiledDecoder,
  columns: EventColumns,
  row: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): RefusedRecord | null {
  if (readEvent(decoder, bytes, start, end)) {
    writeRow(decoder, columns, row);
    internRow(decoder, columns, row);
    hashRow(decoder, columns, row);
    return null;
  }
  const decoded = decode({ topic: decoder.contract.topic, bytes: bytes.subarray(start, end) });
  if (!decoded.ok) {
    columns.contract[row] = noContract;
    return decoded;
  }
  writeEvent(decoder, { columns, row, event: decoded.event.event, bodyHash: decoded.bodyHash });
  return null;
}
