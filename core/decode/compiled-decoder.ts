import type { Contract } from '../contract/contract.ts';
import type { WriteCanonical } from './compile-canonical.ts';
import { type EventSpans, type ReadEvent, eventBytesMax, paddingBytes, readings } from './compile-read.ts';
import type { ColumnBinding } from './compiled-binding.ts';
import type { CompiledFields } from './compiled-fields.ts';
import type { HashSpace } from './hash-words.ts';
import type { Interner } from './interner.ts';

/** A contract's decoder of generated code, with the space that it works in. */
export type CompiledDecoder = {
  readonly contract: Contract;
  readonly fields: CompiledFields;
  readonly binding: ColumnBinding;
  readonly interner: Interner;
  readonly read: ReadEvent;
  readonly writeCanonical: WriteCanonical;
  /** What the last event left behind. */
  readonly spans: EventSpans;
  /** Where the spans of the last event point to. */
  readonly source: EventSource;
  /** Where texts are written to be hashed: canonical events, and keys behind the beginning that they share. */
  readonly spaces: { readonly body: HashSpace; readonly ownKey: HashSpace; readonly targetKey: HashSpace };
  /** The ids of the last event's texts, by column, and of its tenant: likely those of the next. */
  readonly lastIds: { readonly texts: Int32Array; tenant: number };
  /** Room for an event at the very end of its bytes, which must have some behind it to be read. */
  readonly padded: { readonly bytes: Uint8Array; readonly view: DataView };
};

/** The event that was read last: the bytes `[start, end)` of a view, and what reading it returned. */
export type EventSource = {
  /** The bytes that were wrapped last. */
  bytes: Uint8Array;
  bytesView: DataView;
  view: DataView;
  start: number;
  end: number;
  reading: number;
};

/**
 * Reads and checks the event in `bytes[start, end)` by generated code alone. False when it is not sure of the event; else
 * the event can be written, interned and hashed until the next one is read. The bytes must stay as they are meanwhile.
 */
export function readEvent(decoder: CompiledDecoder, bytes: Uint8Array, start: number, end: number): boolean {
  const { source, padded } = decoder;
  if (end + paddingBytes <= bytes.length) {
    if (source.bytes !== bytes) {
      source.bytes = bytes;
      source.bytesView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    source.view = source.bytesView;
    source.start = start;
    source.end = end;
  } else {
    if (end - start > eventBytesMax) return false;
    padded.bytes.set(bytes.subarray(start, end));
    source.view = padded.view;
    source.start = 0;
    source.end = end - start;
  }
  source.reading = decoder.read(source.view, source.start, source.end);
  return source.reading !== readings.unsure;
}
