import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RowVersion } from '../../core/contract/change-event.ts';
import type { ChangeFormat } from '../../core/contract/change-format.ts';
import { readVersions } from '../../core/decode/row-versions.ts';
import { dimensionHistory, type HistoryRow } from '../../core/engine/dimension-history.ts';
import {
  debeziumRecords,
  dmsRecord,
  maxwellRecord,
  type TableChange,
  tableAt,
  tableChanges,
} from '../decode/table-changes.ts';

const recordsOf: Readonly<Record<ChangeFormat, (change: TableChange) => string[]>> = {
  debezium: debeziumRecords,
  dms: (change) => [dmsRecord(change)],
  maxwell: (change) => [maxwellRecord(change)],
};

function versionsOf(format: ChangeFormat, records: readonly string[]): RowVersion[] {
  return records.flatMap((record) => {
    const read = readVersions(format, Buffer.from(record), { merchant: ['merchant_id'] });
    if (!read.ok) throw new Error(read.message);
    return read.versions;
  });
}

/** The rows that a history has at a time. */
function rowsAt(history: readonly HistoryRow[], timeMs: number): Record<string, unknown> {
  const valid = history.filter(
    ({ validFromMs, validToMs }) => validFromMs <= timeMs && (validToMs === null || timeMs < validToMs),
  );
  return Object.fromEntries(valid.map(({ key, values }) => [String(key['merchant_id']), values]));
}

describe('the history of a table', () => {
  test('is what the table was at every time, from each envelope, in any order and with duplicates', () => {
    let rows = 0;
    fc.assert(
      fc.property(tableChanges, fc.nat(), (changes, seed) => {
        const times = changes.flatMap(({ commitTimeMs }) => [commitTimeMs - 1, commitTimeMs, commitTimeMs + 1]);
        const histories = (['debezium', 'dms', 'maxwell'] as const).map((format) => {
          const records = changes.flatMap(recordsOf[format]);
          return dimensionHistory(versionsOf(format, disturbed(records, seed)));
        });
        const [history = []] = histories;
        for (const other of histories) expect(other).toEqual(history);
        for (const timeMs of times) expect(rowsAt(history, timeMs)).toEqual(tableAt(changes, timeMs));
        rows += history.length;
      }),
      { numRuns: 200 },
    );
    expect(rows).toBeGreaterThan(500);
  });

  test('has the value of the version before in a column that did not change', () => {
    const version = (second: number, note: string | null): string =>
      JSON.stringify({
        key: { merchant_id: 'a' },
        value: {
          op: 'u',
          source: { table: 'merchant', ts_ms: second * 1000, lsn: second },
          after: { merchant_id: 'a', note: note ?? '__debezium_unavailable_value' },
        },
      });
    const history = dimensionHistory(versionsOf('debezium', [version(3, null), version(1, 'one'), version(2, null)]));
    expect(history.map(({ values }) => values['note'])).toEqual(['one', 'one', 'one']);
    const [unknown] = dimensionHistory(versionsOf('debezium', [version(3, null)]));
    expect(unknown?.values).toEqual({ merchant_id: 'a' });
  });
});

/** All records, a third of them twice, in an order that the seed makes. */
function disturbed(records: readonly string[], seed: number): string[] {
  const all = [...records, ...records.filter((_, index) => index % 3 === seed % 3)];
  const rank = (index: number): number => Math.imul(index + 1, 2_654_435_761 ^ seed) >>> 0;
  return all
    .map((record, index) => ({ record, rank: rank(index) }))
    .toSorted((left, right) => left.rank - right.rank)
    .map(({ record }) => record);
}
