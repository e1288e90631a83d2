import type { Interner } from '../decode/interner.ts';
import { positionOf, recordHeadBytes, segmentBytes } from '../decode/interner.ts';
import { countInBlock, reserveBytes } from './chain-block.ts';
import type { ChainBlock, OpenBlock } from './chain-block.ts';
import type { LedgerColumns } from './columnar-ledger-entries.ts';
import { entryLayout, textsAt } from './entry-bytes.ts';

/** Adds entries to the chain in their order, as `chainEntries` does, and gives the blocks that they filled. */
export function chainColumns(open: OpenBlock, columns: LedgerColumns, interner: Interner): ChainBlock[] {
  const closed: ChainBlock[] = [];
  const rows = columns.counts[0]!;
  const source = { columns, interner, ids: viewOf(columns.text) };
  let target = viewOf(open.bytes);
  for (let row = 0; row < rows; row++) {
    if (open.usedBytes + entryBytesMax > open.bytes.length) {
      reserveBytes(open, entryBytesMax);
      target = viewOf(open.bytes);
    }
    const filled = countInBlock(open, writeEntry(source, row, target, open.usedBytes));
    if (filled !== null) closed.push(filled);
  }
  return closed;
}

/** Entries and the bytes of their texts: `ids` is a view of `columns.text`. */
export type EntrySource = { readonly columns: LedgerColumns; readonly interner: Interner; readonly ids: DataView };

/** Writes the canonical bytes of a row, as `entryBytes` has them, from `at` on; gives where they end. */
export function writeEntry(source: EntrySource, row: number, target: DataView, at: number): number {
  const { columns, interner, ids } = source;
  writeNumbers(target, at, columns, row);
  let end = copyInterned(interner, columns.tenant[row]!, target, at + textsAt);
  end = copyInterned(interner, columns.account[row]!, target, end);
  end = copyInterned(interner, columns.merchant[row]!, target, end);
  const start = columns.authorizationIdStart[row]!;
  end = copyText(ids, start, columns.authorizationIdEnd[row]! - start, target, end);
  return copyInterned(interner, columns.currency[row]!, target, end);
}

/** Four ids of at most 128 UTF-16 units and a currency: the view throws where an entry were longer. */
const entryBytesMax = 2048;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The numbers of an entry. Positional, as are the functions below: they run for every entry. */
function writeNumbers(target: DataView, at: number, columns: LedgerColumns, row: number): void {
  target.setUint8(at, entryLayout);
  target.setUint8(at + 1, columns.kind[row]!);
  target.setUint8(at + 2, columns.unmatched[row]!);
  target.setUint8(at + 3, columns.outcome[row]!);
  const { entryHash } = columns;
  target.setUint32(at + 4, entryHash[row * 4]!);
  target.setUint32(at + 8, entryHash[row * 4 + 1]!);
  target.setUint32(at + 12, entryHash[row * 4 + 2]!);
  target.setUint32(at + 16, entryHash[row * 4 + 3]!);
  writeInteger(target, at + 20, columns.amountMinor[row]!);
  writeInteger(target, at + 28, columns.eventTimeMs[row]!);
  writeInteger(target, at + 36, columns.offset[row]!);
}

/** A safe integer of at least 0, in 8 bytes. */
function writeInteger(target: DataView, at: number, value: number): void {
  target.setUint32(at, value / 2 ** 32);
  target.setUint32(at + 4, value);
}

function copyInterned(interner: Interner, id: number, target: DataView, at: number): number {
  const position = positionOf(interner, id);
  const { view } = interner.segments[Math.floor(position / segmentBytes)]!;
  const start = (position & (segmentBytes - 1)) + recordHeadBytes;
  // The head of a record ends with the length of its text.
  return copyText(view, start, view.getUint16(start - 2, true), target, at);
}

/** Four bytes at a time, the last four overlapping those before. */
function copyText(source: DataView, start: number, length: number, target: DataView, at: number): number {
  target.setUint16(at, length);
  const shift = at + 2 - start;
  const end = start + length;
  if (length < 4) {
    for (let from = start; from < end; from++) target.setUint8(from + shift, source.getUint8(from));
  } else {
    const last = end - 4;
    for (let from = start; from < last; from += 4) target.setInt32(from + shift, source.getInt32(from, true), true);
    target.setInt32(last + shift, source.getInt32(last, true), true);
  }
  return at + 2 + length;
}
