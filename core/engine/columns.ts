import type { Value } from './aggregate.ts';

/** Values of many flat rows, a column a field: what a checkpoint holds instead of a hundred thousand objects. */
export type Columns = { readonly rowCount: number; readonly columns: Readonly<Record<string, Column>> };

/** Numbers as doubles, texts as one text, anything else as it is. */
export type Column =
  | { readonly kind: 'numbers'; readonly values: Float64Array }
  | { readonly kind: 'texts'; readonly joined: string }
  | { readonly kind: 'mixed'; readonly values: readonly Value[] };

type FlatRow = Readonly<Record<string, Value>>;

/** No id and no key holds this character. */
const separator = '\u0001';

/** Packs rows that have the same fields. Plain data; the rows are read, not kept. */
export function packColumns(rows: readonly FlatRow[]): Columns {
  const names = Object.keys(rows[0] ?? {});
  const columns = Object.fromEntries(names.map((name) => [name, packColumn(rows.map((row) => row[name] ?? null))]));
  return { rowCount: rows.length, columns };
}

/** Packs one column. */
export function packColumn(values: readonly Value[]): Column {
  if (values.every((value) => typeof value === 'number')) return { kind: 'numbers', values: new Float64Array(values) };
  if (!values.every((value) => typeof value === 'string')) return { kind: 'mixed', values };
  const joined = values.join(separator);
  return joined.split(separator).length === Math.max(1, values.length)
    ? { kind: 'texts', joined }
    : { kind: 'mixed', values };
}

/** The values of a packed column of a known length. */
export function unpackColumn(column: Column | undefined, rowCount: number): readonly Value[] {
  if (column === undefined || rowCount === 0) return [];
  const values = column.kind === 'texts' ? column.joined.split(separator) : [...column.values];
  if (values.length === rowCount) return values;
  throw new RangeError(`got a packed column of ${values.length} values, expected ${rowCount}`);
}

/** Reads rows back one at a time: `read(row)` gives the value of a field by name. */
export function unpackColumns<Row>(
  { rowCount, columns }: Columns,
  build: (read: { readonly number: (name: string) => number; readonly text: (name: string) => string }) => Row,
): Row[] {
  const unpacked = new Map(Object.entries(columns).map(([name, column]) => [name, unpackColumn(column, rowCount)]));
  let row = 0;
  const read = {
    number: (name: string): number => Number(unpacked.get(name)?.[row]),
    text: (name: string): string => String(unpacked.get(name)?.[row]),
  };
  const rows: Row[] = [];
  for (; row < rowCount; row++) rows.push(build(read));
  return rows;
}
