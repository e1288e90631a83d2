import type { ChangeEvent } from '../contract/change-event.ts';
import type { ChangeFormat } from '../contract/change-format.ts';
import { contains, type Fields, isFields } from './change-fields.ts';
import { readDebezium } from './debezium.ts';
import { readDms } from './dms.ts';
import { readMaxwell } from './maxwell.ts';
import { parseJson } from './parse-json.ts';
import type { Refusal } from './refusal.ts';

/** What the record of a capture is: a change, something beside the changes, or neither. */
export type ReadChange =
  | { readonly kind: 'change'; readonly change: ChangeEvent }
  | { readonly kind: 'aside'; readonly what: Aside }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** What captures say beside the changes of rows; it makes no version. */
export type Aside =
  | 'tombstone'
  | 'transaction'
  | 'heartbeat'
  | 'schemaChange'
  | 'message'
  | 'bootstrap'
  | 'applyException';

/** A row may hold long texts, and an envelope holds it twice, and its schema. */
const envelopeSizeBytesMax = 1024 * 1024;

/**
 * Reads the record of a capture. Never throws: what is none is refused with the reason. `{"key": ..., "value": ...}` is the
 * record of a Debezium topic with its key; an empty record, or a null, is a tombstone.
 */
export function readChange(format: ChangeFormat, bytes: Uint8Array): ReadChange {
  if (bytes.length === 0) return { kind: 'aside', what: 'tombstone' };
  const parsed = parseJson(bytes, { sizeBytesMax: envelopeSizeBytesMax, numbers: 'exact' });
  if (!parsed.ok) return { kind: 'refused', refusal: parsed.refusal };
  const { value } = parsed;
  if (value === null) return { kind: 'aside', what: 'tombstone' };
  if (!isFields(value)) return refuse('got a value that is no object, expected an envelope', []);
  switch (format) {
    case 'debezium':
      return resultOf(readDebezium, value, format);
    case 'dms':
      return resultOf(readDms, value, format);
    case 'maxwell':
      return resultOf(readMaxwell, value, format);
  }
}

/** What a reader of one envelope gives. */
export type EnvelopeResult = ChangeEvent | Aside | Misread;

/** Where an envelope is not what it should be. */
export type Misread = { readonly path: string; readonly got: string; readonly expected: string };

function resultOf(read: (envelope: Fields) => EnvelopeResult, envelope: Fields, format: ChangeFormat): ReadChange {
  const result = read(envelope);
  if (typeof result === 'string') return { kind: 'aside', what: result };
  if ('operation' in result) return { kind: 'change', change: result };
  const other = looksLike(envelope);
  const hint = other === null || other === format ? '' : `; it looks like ${other}`;
  return refuse(`got ${result.got} at ${result.path}, expected ${result.expected} in a ${format} envelope${hint}`, [
    result,
  ]);
}

function refuse(message: string, issues: readonly Misread[]): ReadChange {
  return { kind: 'refused', refusal: { code: 'unmappable', message, issues } };
}

/** The envelope that the fields are most like, for who has named the wrong one. */
function looksLike(envelope: Fields): ChangeFormat | null {
  if (contains(envelope, ['metadata'])) return 'dms';
  if (contains(envelope, ['database', 'table', 'type'])) return 'maxwell';
  if (contains(envelope, ['payload']) || contains(envelope, ['op', 'source'])) return 'debezium';
  return null;
}
