import { addPage, createPageBook, createPages, type Pages, touchRange, type Within } from '../engine/pages.ts';

/**
 * The authorization ids of the holds, in UTF-8: cells of a few sizes in segments that never move. An id lives in the
 * smallest cell that takes it, named by its length and the number of the cell.
 */
export type IdCells = { readonly classes: readonly CellClass[] };

/** Cells of one size. A freed cell begins with the number of the next free one plus 1. */
type CellClass = { readonly cellBytes: number; readonly pages: Pages; end: number; firstFree: number };

/** What a checkpoint holds of the cells beside their segments. */
export type IdCellsRest = readonly Pick<CellClass, 'end' | 'firstFree'>[];

/** The longest id, in bytes: 128 UTF-16 units. */
const idBytesMax = 384;

const cellSizesBytes = [16, 32, 48, 64, 128, idBytesMax];
const segmentBits = 11;
const segmentCells = 2 ** segmentBits;
const cellMask = segmentCells - 1;

/** No cells, or those of a checkpoint. */
export function createIdCells({ book, rest }: Within<IdCellsRest> = { book: createPageBook() }): IdCells {
  return {
    classes: cellSizesBytes.map((cellBytes, size) => ({
      cellBytes,
      pages: createPages(book, segmentCells * cellBytes),
      end: rest?.[size]?.end ?? 0,
      firstFree: rest?.[size]?.firstFree ?? 0,
    })),
  };
}

/** What a checkpoint holds of the cells beside their segments. */
export function restOfIdCells({ classes }: IdCells): IdCellsRest {
  return classes.map(({ end, firstFree }) => ({ end, firstFree }));
}

/** Copies `bytes[start, end)` into a free cell and gives its number. Throws a `RangeError` for a longer id. */
export function storeId(cells: IdCells, bytes: Uint8Array, start: number, end: number): number {
  const cellClass = cells.classes[classOf(end - start)];
  if (cellClass === undefined)
    throw new RangeError(`got an id of ${end - start} bytes, expected at most ${idBytesMax}`);
  const cell = takeCell(cellClass);
  const segment = bytesOf(cellClass, cell);
  let at = (cell & cellMask) * cellClass.cellBytes;
  touchCell(cellClass, cell);
  for (let from = start; from < end; from++) segment[at++] = bytes[from]!;
  return cell;
}

/** Copies an id to `target`, from `target[at]` on. Positional, as it runs for every entry. */
export function copyId(cells: IdCells, cell: number, length: number, target: Uint8Array, at: number): void {
  const cellClass = cells.classes[classOf(length)]!;
  const segment = bytesOf(cellClass, cell);
  const start = (cell & cellMask) * cellClass.cellBytes;
  for (let index = 0; index < length; index++) target[at + index] = segment[start + index]!;
}

/** Gives a cell back. */
export function freeId(cells: IdCells, cell: number, length: number): void {
  const cellClass = cells.classes[classOf(length)]!;
  const segment = bytesOf(cellClass, cell);
  const at = (cell & cellMask) * cellClass.cellBytes;
  touchCell(cellClass, cell);
  const next = cellClass.firstFree;
  segment[at] = next;
  segment[at + 1] = next >>> 8;
  segment[at + 2] = next >>> 16;
  segment[at + 3] = next >>> 24;
  cellClass.firstFree = cell + 1;
}

function classOf(length: number): number {
  if (length <= 32) return length <= 16 ? 0 : 1;
  if (length <= 64) return length <= 48 ? 2 : 3;
  if (length <= 128) return 4;
  return length <= idBytesMax ? 5 : 6;
}

function bytesOf({ pages }: CellClass, cell: number): Uint8Array {
  return pages.segments[cell >>> segmentBits]!.bytes;
}

function touchCell({ pages, cellBytes }: CellClass, cell: number): void {
  const start = (cell & cellMask) * cellBytes;
  touchRange(pages.segments[cell >>> segmentBits]!, start, start + cellBytes);
}

function takeCell(cellClass: CellClass): number {
  const { pages, cellBytes, firstFree } = cellClass;
  if (firstFree > 0) {
    const cell = firstFree - 1;
    const segment = bytesOf(cellClass, cell);
    const at = (cell & cellMask) * cellBytes;
    cellClass.firstFree =
      (segment[at]! | (segment[at + 1]! << 8) | (segment[at + 2]! << 16) | (segment[at + 3]! << 24)) >>> 0;
    return cell;
  }
  if (cellClass.end === pages.segments.length * segmentCells) addPage(pages);
  return cellClass.end++;
}
