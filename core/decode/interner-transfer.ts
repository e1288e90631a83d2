import { type Interner, internBytes, positionOf, recordHeadBytes, segmentBytes } from './interner.ts';

const headBytes = 8;

/**
 * The texts with ids in `[fromId, toId)` (all from `fromId` on without `toId`), for a checkpoint or another thread: the
 * first id and the number of texts (uint32 each, little endian), then the texts' records. Costs a copy of the bytes.
 * Throws a `RangeError` for ids that were never given.
 */
export function exportFrom(interner: Interner, fromId: number, toId = interner.size): Uint8Array<ArrayBuffer> {
  if (fromId > toId) throw new RangeError(`got text ids from ${fromId} to ${toId}, expected them in order`);
  const spans = spansOf(interner, { start: boundaryOf(interner, fromId), end: boundaryOf(interner, toId) });
  const packed = new Uint8Array(spans.reduce((sum, span) => sum + span.length, headBytes));
  const head = new DataView(packed.buffer);
  head.setUint32(0, fromId, true);
  head.setUint32(4, toId - fromId, true);
  let written = headBytes;
  for (const span of spans) {
    packed.set(span, written);
    written += span.length;
  }
  return packed;
}

/**
 * Appends exported texts, so that each has the same id as where it came from. Throws when the first is not the next id
 * here, or when the bytes are none of an export; the interner is then of no use.
 */
export function importTexts(interner: Interner, packed: Uint8Array): void {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (packed.length < headBytes) throw new Error(`got ${packed.length} bytes of texts, expected at least ${headBytes}`);
  const fromId = view.getUint32(0, true);
  const count = view.getUint32(4, true);
  if (fromId !== interner.size) throw new Error(`got texts from id ${fromId} on, expected ${interner.size}`);
  let position = headBytes;
  for (let id = fromId; id < fromId + count; id++) {
    const start = position + recordHeadBytes;
    const end = start <= packed.length ? start + view.getUint16(start - 2, true) : start;
    if (end > packed.length) throw new Error(`got texts that end within number ${id}, expected ${count} texts`);
    const given = internBytes(interner, packed, start, end, view.getInt32(position + 4, true));
    if (given !== id) throw new Error(`got text ${id} a second time, expected each once`);
    position = end;
  }
  if (position !== packed.length) throw new Error(`got ${packed.length - position} bytes after the last text`);
}

/** Where the record of an id begins, or the end of all for the id that comes next. */
function boundaryOf(interner: Interner, id: number): number {
  return id === interner.size ? interner.end : positionOf(interner, id);
}

/** The records in `[start, end)`, a view a segment, without the gaps where a record did not fit. */
function spansOf(interner: Interner, range: { readonly start: number; readonly end: number }): readonly Uint8Array[] {
  const spans: Uint8Array[] = [];
  for (let number = Math.floor(range.start / segmentBytes); number * segmentBytes < range.end; number++) {
    const { bytes, usedBytes } = interner.segments[number]!;
    const base = number * segmentBytes;
    spans.push(bytes.subarray(Math.max(0, range.start - base), Math.min(usedBytes, range.end - base)));
  }
  return spans;
}
