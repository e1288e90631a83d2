/**
 * The authorization ids of the holds, in UTF-8: cells of a few sizes in segments that never move. An id lives in the
 * smallest cell that takes it, named by its length and the number of the cell.
 */
export type IdCells = { readonly classes: readonly CellClass[] };

/** Cells of one size. A freed cell begins with the number of the next free one plus 1. */
type CellClass = { readonly cellBytes: number; readonly segments: Uint8Array[]; end: number; firstFree: number };

/** The longest id, in bytes: 128 UTF-16 units. */
const idBytesMax = 384;

const cellSizesBytes = [16, 32, 48, 64, 128, idBytesMax];
const segmentBits = 11;
const segmentCells = 2 ** segmentBits;
const cellMask = segmentCells - 1;

export function createIdCells(): IdCells {
  return { classes: cellSizesBytes.map((cellBytes) => ({ cellBytes, segments: [], end: 0, firstFree: 0 })) };
}

/** Copies `bytes[start, end)` into a free cell and gives its number. Throws a `RangeError` for a longer id. */
export function storeId(cells: IdCells, bytes: Uint8Array, start: number, end: number): number {
  const cellClass = cells.classes[classOf(end - start)];
  if (cellClass === undefined)
    throw new RangeError(`got an id of ${end - start} bytes, expected at most ${idBytesMax}`);
  const cell = takeCell(cellClass);
  const segment = cellClass.segments[cell >>> segmentBits]!;
  let at = (cell & cellMask) * cellClass.cellBytes;
  for (let from = start; from < end; from++) segment[at++] = bytes[from]!;
  return cell;
}

/** Copies an id to `target`, from `target[at]` on. Positional, as it runs for every entry. */
export function copyId(cells: IdCells, cell: number, length: number, target: Uint8Array, at: number): void {
  const { segments, cellBytes } = cells.classes[classOf(length)]!;
  const segment = segments[cell >>> segmentBits]!;
  const start = (cell & cellMask) * cellBytes;
  for (let index = 0; index < length; index++) target[at + index] = segment[start + index]!;
}

/** Gives a cell back. */
export function freeId(cells: IdCells, cell: number, length: number): void {
  const cellClass = cells.classes[classOf(length)]!;
  const segment = cellClass.segments[cell >>> segmentBits]!;
  const at = (cell & cellMask) * cellClass.cellBytes;
  const next = cellClass.firstFree;
  segment[at] = next;
  segment[at + 1] = next >>> 8;
  segment[at + 2] = next >>> 16;
  segment[at + 3] = next >>> 24;
  cellClass.firstFree = cell + 1;
}

/** Cells of their own, from those of a checkpoint. */
export function copyCells({ classes }: IdCells): IdCells {
  return { classes: classes.map((one) => ({ ...one, segments: one.segments.map((segment) => segment.slice()) })) };
}

function classOf(length: number): number {
  if (length <= 32) return length <= 16 ? 0 : 1;
  if (length <= 64) return length <= 48 ? 2 : 3;
  if (length <= 128) return 4;
  return length <= idBytesMax ? 5 : 6;
}

function takeCell(cellClass: CellClass): number {
  const { segments, cellBytes, firstFree } = cellClass;
  if (firstFree > 0) {
    const cell = firstFree - 1;
    const segment = segments[cell >>> segmentBits]!;
    const at = (cell & cellMask) * cellBytes;
    cellClass.firstFree =
      (segment[at]! | (segment[at + 1]! << 8) | (segment[at + 2]! << 16) | (segment[at + 3]! << 24)) >>> 0;
    return cell;
  }
  if (cellClass.end === segments.length * segmentCells) segments.push(new Uint8Array(segmentCells * cellBytes));
  return cellClass.end++;
}
