import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createColumnSpace, measureLayout } from '../../core/decode/column-space.ts';
import type { SettledColumns } from '../../core/features/columnar-settled.ts';
import { copySettled, layOutSettled, type SettledRoom } from '../../core/features/settled-copy.ts';

const featureCount = 2;

function createRoom(room: Omit<SettledRoom, 'featureCount'>): SettledColumns {
  const layOut = (space: Parameters<typeof layOutSettled>[0]) => layOutSettled(space, { ...room, featureCount });
  return layOut(createColumnSpace(new SharedArrayBuffer(measureLayout(layOut))));
}

/** Rows with these ids; every number of a row tells the row and its column. */
function settledOf(ids: readonly string[]): SettledColumns {
  const settled = createRoom({ rowsMax: ids.length, textBytesMax: ids.join('').length });
  for (const [row, id] of ids.entries()) {
    settled.eventIdStart[row] = settled.textBytes;
    settled.text.set(Buffer.from(id), settled.textBytes);
    settled.textBytes += id.length;
    settled.eventIdEnd[row] = settled.textBytes;
    settled.offset[row] = row + 2 ** 40;
    settled.eventTimeMs[row] = row + 0.5;
    settled.tenant[row] = row + 1000;
    settled.account[row] = row + 2000;
    settled.late[row] = row % 2;
    settled.tooLate[row] = row % 3 === 0 ? 1 : 0;
    settled.revision[row] = row - 1;
    settled.decision.set([row + 0.25, Number.NaN], row * featureCount);
    settled.settled.set([Number.NaN, row + 0.75], row * featureCount);
  }
  settled.rowCount = ids.length;
  return settled;
}

function rowsOf(settled: SettledColumns): unknown[] {
  return Array.from({ length: settled.rowCount }, (_, row) => ({
    id: Buffer.from(settled.text.slice(settled.eventIdStart[row], settled.eventIdEnd[row])).toString(),
    numbers: [settled.offset, settled.eventTimeMs, settled.tenant, settled.account].map((column) => column[row]),
    flags: [settled.late, settled.tooLate, settled.revision].map((column) => column[row]),
    decision: Array.from(settled.decision.subarray(row * featureCount, (row + 1) * featureCount)),
    settled: Array.from(settled.settled.subarray(row * featureCount, (row + 1) * featureCount)),
  }));
}

test('copies into any rooms, one after the other, are the rows, and each room is as full as it can be', () => {
  let copies = 0;
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{0,8}$/), { maxLength: 40, size: 'max' }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 8, max: 60 }),
      (ids, rowsMax, textBytesMax) => {
        const from = settledOf(ids);
        const to = createRoom({ rowsMax, textBytesMax });
        const copied: unknown[] = [];
        while (copied.length < ids.length) {
          const start = copied.length;
          const count = copySettled(from, start, to);
          copied.push(...rowsOf(to));
          copies += 1;
          expect(to.rowCount).toBe(count);
          expect(to.textBytes).toBe(ids.slice(start, start + count).join('').length);
          const oneMore = ids.slice(start, start + count + 1).join('').length;
          const isFull = count === rowsMax || oneMore > textBytesMax || start + count === ids.length;
          expect(isFull).toBe(true);
        }
        expect(copied).toEqual(rowsOf(from));
      },
    ),
    { numRuns: 100 },
  );
  expect(copies).toBeGreaterThan(200);
});

test('nothing to copy leaves an empty room', () => {
  const to = createRoom({ rowsMax: 4, textBytesMax: 16 });
  copySettled(settledOf(['a', 'b']), 0, to);
  expect(copySettled(settledOf([]), 0, to)).toBe(0);
  expect(to).toMatchObject({ rowCount: 0, textBytes: 0 });
});

test('an id that no room is large enough for is an error, not an endless copy', () => {
  const to = createRoom({ rowsMax: 4, textBytesMax: 3 });
  expect(() => copySettled(settledOf(['four']), 0, to)).toThrow(RangeError);
});
