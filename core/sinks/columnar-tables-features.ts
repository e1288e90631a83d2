import type { Interner } from '../decode/interner.ts';
import type { SettledColumns } from '../features/columnar-settled.ts';
import { type ColumnData, idColumn, internedTexts, numberColumn } from './column-data.ts';
import type { TableColumns } from './columnar-tables.ts';

/** Makes the mapping to the features table. */
export function createFeatureTable(interner: Interner): (settled: SettledColumns) => TableColumns {
  const textOf = internedTexts(interner);
  const whole = createRowNumbers();
  return (settled) => {
    const { rowCount, featureCount } = settled;
    const columns: ColumnData[] = [
      { kind: 'spans', bytes: settled.text, starts: settled.eventIdStart, ends: settled.eventIdEnd },
      idColumn(settled.tenant, textOf),
      idColumn(settled.account, textOf),
      numberColumn(settled.eventTimeMs),
      numberColumn(settled.offset),
      numberColumn(settled.revision, -1),
      numberColumn(settled.late),
      numberColumn(settled.tooLate),
    ];
    for (let feature = 0; feature < featureCount; feature++) {
      columns.push({ kind: 'numbers', values: settled.decision, start: feature, stride: featureCount });
      columns.push({ kind: 'numbers', values: settled.settled, start: feature, stride: featureCount });
    }
    return { columns, rows: whole(rowCount), rowCount };
  };
}

/** Gives the row numbers from 0, at least as many as asked for. */
export function createRowNumbers(): (count: number) => Int32Array {
  let numbers = new Int32Array(0);
  return (count) => {
    if (numbers.length < count) numbers = Int32Array.from({ length: count }, (_, row) => row);
    return numbers;
  };
}
