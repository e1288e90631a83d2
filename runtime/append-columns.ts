/** Where a set of columns keeps its texts, and the columns that say where each begins and ends. */
export type Spans = { readonly text: string; readonly ids: readonly string[] };

/** Columns that rows of their namesakes are appended to. */
export type AppendedColumns<Columns> = {
  readonly rows: () => number;
  readonly textBytes: () => number;
  readonly fits: (rows: number, textBytes: number) => boolean;
  /** Appends the first rows of other columns, and their texts. */
  readonly append: (from: Columns, rows: number, textBytes: number) => void;
};

type Numbers = Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;
type Column = {
  readonly to: Numbers;
  readonly name: string;
  /** Its place in the list of that name; -1 for a column of its own. */
  readonly at: number;
  readonly width: number;
  readonly isSpan: boolean;
};

/**
 * Appends to columns that have room for `rowsMax` rows: every array that is a multiple of that long. What holds one value
 * for all rows is the caller's.
 */
export function columnsToAppend<Columns extends object>(
  to: Columns,
  { rowsMax, spans }: { readonly rowsMax: number; readonly spans: Spans | null },
): AppendedColumns<Columns> {
  const columns = listColumns(to, rowsMax, spans);
  const text = spans === null ? null : (to[spans.text as keyof Columns] as Uint8Array);
  let rows = 0;
  let textBytes = 0;
  return {
    rows: () => rows,
    textBytes: () => textBytes,
    fits: (more, moreBytes) => rows + more <= rowsMax && textBytes + moreBytes <= (text?.length ?? 0),
    append: (from, more, moreBytes) => {
      for (const { to: target, name, at, width, isSpan } of columns) {
        const named = from[name as keyof Columns] as Numbers | readonly Numbers[];
        const source = at < 0 ? (named as Numbers) : (named as readonly Numbers[])[at]!;
        const start = rows * width;
        const shift = isSpan ? textBytes : 0;
        const count = more * width;
        if (shift === 0 && count > copiedSingly) target.set(source.subarray(0, count), start);
        else for (let index = 0; index < count; index++) target[start + index] = source[index]! + shift;
      }
      if (text !== null && spans !== null) {
        const source = from[spans.text as keyof Columns] as Uint8Array;
        for (let index = 0; index < moreBytes; index++) text[textBytes + index] = source[index]!;
      }
      rows += more;
      textBytes += moreBytes;
    },
  };
}

/** So many elements cost less one by one than through a view. */
const copiedSingly = 48;

const ofAllRows = new Set(['counts', 'firstOffset']);

function listColumns(to: object, rowsMax: number, spans: Spans | null): Column[] {
  return Object.entries(to).flatMap(([name, value]) => {
    if (ofAllRows.has(name) || name === spans?.text) return [];
    const isSpan = spans?.ids.includes(name) ?? false;
    const column = (array: Numbers, at: number): Column[] =>
      array.length === 0 ? [] : [{ to: array, name, at, width: array.length / rowsMax, isSpan }];
    if (ArrayBuffer.isView(value)) return column(value as Numbers, -1);
    return Array.isArray(value) && ArrayBuffer.isView(value[0]) ? value.flatMap(column) : [];
  });
}
