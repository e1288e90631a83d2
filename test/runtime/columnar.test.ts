import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { offsetName } from '../../adapters/files/durable-file.ts';
import { openSegmentLog } from '../../adapters/files/segment-log.ts';
import { unpackDecisions } from '../../core/sinks/decision-block.ts';
import { openStream, wholeBelow } from '../../simulate/random.ts';
import { burstPayments, feed, finish, hostileItems, openWith, type Output } from './columnar-output.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-columnar-'));
const items = hostileItems({ seed: 3, payments: 1200 });
let expected: Output;

beforeAll(async () => {
  const dir = join(root, 'readable');
  expected = await finish(await openWith('readable', dir), items, dir);
}, 60_000);
afterAll(() => {
  rmSync(root, { recursive: true });
});

/** The first row of each table that is another than the readable engine's; sums first. Empty when all are the same. */
function differences({ sums, tables }: Output): unknown[] {
  const found: unknown[] = isDeepStrictEqual(sums, expected.sums) ? [] : [{ sums, expected: expected.sums }];
  for (const [name, rows] of Object.entries(expected.tables)) {
    const got = tables[name] ?? [];
    if (isDeepStrictEqual(got, rows)) continue;
    const at = rows.findIndex((row, index) => !isDeepStrictEqual(row, got[index]));
    found.push({ name, rows: got.length, expectedRows: rows.length, at, row: got[at], expected: rows[at] });
  }
  return found;
}

test('the stream has something of everything', () => {
  const rowCounts = Object.entries(expected.tables).map(([name, rows]) => [name, rows.length]);
  expect(rowCounts.filter(([, rows]) => Number(rows) < 3)).toEqual([]);
  const revised = expected.tables['features']?.filter((row) => Number(row['revision']) > 0);
  expect(revised?.length).toBeGreaterThan(10);
});

describe.each(['oneThread', 'lakeThread', 'split'] as const)('the columnar engine, %s,', (engine) => {
  test('writes the rows of the readable one, and sums the same', async () => {
    const dir = join(root, `${engine}-whole`);
    expect(differences(await finish(await openWith(engine, dir), items, dir))).toEqual([]);
  });

  test('goes on from wherever it was stopped without a commit', async () => {
    const dir = join(root, `${engine}-stopped`);
    const random = openStream({ seed: 11, name: engine });
    let adopted = 0;
    let opened = 0;
    for (let until = 0; until < items.length; until += 1 + wholeBelow(random, 1300)) {
      const scoring = await openWith(engine, dir);
      adopted += scoring.recovery.recordedDecisions;
      opened += 1;
      await feed(scoring, items, { until, lagRecordsMax: wholeBelow(random, 200) });
      await scoring.close();
    }
    expect(differences(await finish(await openWith(engine, dir), items, dir))).toEqual([]);
    expect(opened).toBeGreaterThan(2);
    expect(adopted).toBeGreaterThan(100);
  }, 60_000);

  test('adopts the decisions of the journal as they are', async () => {
    const dir = join(root, `${engine}-adopted`);
    const scoring = await openWith(engine, dir);
    await feed(scoring, items, { until: 650 });
    await scoring.close();
    const tampered = tamper(join(dir, 'journal', offsetName(0)));
    expect(tampered.size).toBeGreaterThan(5);
    const { tables } = await finish(await openWith(engine, dir), items, dir);
    const scores = tables['decisions']?.map((row) => [Number(row['offset']), Number(row['score'])] as const);
    expect(new Map(scores?.filter(([offset]) => tampered.has(offset)))).toEqual(tampered);
  });

  test('has the rows that settle all at once, which are more than all slots hold', async () => {
    const dir = join(root, `${engine}-burst`);
    const some = items.slice(-1 - burstPayments).map((item, index) => ({ ...item, sourcePosition: index + 1 }));
    const { tables } = await finish(await openWith(engine, dir), some, dir);
    const ids = tables['features']?.map((row) => row['transaction_id']);
    expect(ids).toHaveLength(burstPayments);
    expect(new Set(ids).size).toBe(burstPayments);
    expect(tables['decisions']).toHaveLength(burstPayments);
  });
});

/** Changes the first score of each block that the journal of a cut holds to one that no model would give; the scores by offset. */
function tamper(journalDir: string): Map<number, number> {
  const log = openSegmentLog({ dir: journalDir });
  const records = log.read({ fromOffset: 0, countMax: log.endOffset });
  const blocks = records.map((record) => ({ record, block: unpackDecisions(record.bytes) }));
  log.clear();
  const scores = new Map<number, number>();
  for (const [index, { record, block }] of blocks.entries()) {
    block.score[0] = 901 + index;
    scores.set(block.offset[0]!, 901 + index);
    const bytes = new Uint8Array(block.score.buffer);
    log.append([{ topic: record.topic, ingestTimeMs: 0, sourcePosition: block.offset[0]!, bytes }]);
  }
  log.sync();
  log.close();
  return scores;
}
