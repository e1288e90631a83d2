import { describe, expect, test } from 'vitest';
import type { EventColumns } from '../../core/decode/event-columns.ts';
import { addRow, createPendingRows } from '../../core/features/columnar-rows.ts';
import { addToWheel, createWheel, takeDueRows } from '../../core/features/columnar-wheel.ts';
import { openStream, wholeBelow } from '../../simulate/random.ts';
import { createColumns } from './columnar-rows.ts';

function takenBy(wheel: ReturnType<typeof createWheel>, rows: ReturnType<typeof createPendingRows>, atMs: number) {
  const taken: number[] = [];
  takeDueRows(wheel, rows, atMs, (row) => taken.push(row));
  return taken.toSorted((left, right) => left - right);
}

const columns: EventColumns = createColumns({ numbers: [], texts: [] }, 1);

describe('the wheel of rows', () => {
  test('gives each row once, as soon as its moment has come, however far ahead and in whatever order', () => {
    const rows = createPendingRows({ keys: 0, fields: 0, features: 0 });
    const wheel = createWheel();
    const random = openStream({ seed: 1, name: 'wheel' });
    const pending = new Map<number, number>();
    let watermarkMs = 1e12;
    for (let step = 0; step < 5000; step++) {
      const row = addRow(rows, columns, 0, step, 0);
      const dueMs =
        watermarkMs + [-50, 0, 1, 31, 5000, 65_536, 65_537, 400_000][wholeBelow(random, 8)]! + wholeBelow(random, 40);
      addToWheel(wheel, rows, row, dueMs);
      pending.set(row, dueMs);
      watermarkMs += [0, 0, 1, 7, 900, 70_000][wholeBelow(random, 6)]!;
      const due = [...pending].filter(([, timeMs]) => timeMs <= watermarkMs).map(([one]) => one);
      expect(takenBy(wheel, rows, watermarkMs)).toEqual(due);
      for (const one of due) pending.delete(one);
    }
    expect(pending.size).toBeGreaterThan(0);
    expect(takenBy(wheel, rows, Number.POSITIVE_INFINITY)).toEqual([...pending.keys()]);
  });

  test('gives a row that is added again while it is taken, if it is due again', () => {
    const rows = createPendingRows({ keys: 0, fields: 0, features: 0 });
    const wheel = createWheel();
    addToWheel(wheel, rows, addRow(rows, columns, 0, 0, 0), 10);
    let times = 0;
    takeDueRows(wheel, rows, 100, (row) => {
      if (times++ < 2) addToWheel(wheel, rows, row, 20);
    });
    expect(times).toBe(3);
  });
});
