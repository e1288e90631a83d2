import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { assemble, shippedFiles } from '../../runtime/assemble.ts';
import { Columnar } from '../../runtime/columnar.ts';
import { runSource, type SourceRecord } from '../../runtime/run-source.ts';
import { hostileItems, limits } from './columnar-output.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-backpressure-'));
afterAll(() => {
  rmSync(root, { recursive: true });
});

const items = hostileItems({ seed: 5, payments: 400 });
const clockMs = (): number => Date.UTC(2027, 0, 1);
const batchItems = 50;

/** A sink that takes nothing until it is let. */
function createGate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let reached: () => void = () => undefined;
  const isReached = new Promise<void>((resolve) => {
    reached = resolve;
  });
  return { open: () => open(), pass: () => (reached(), opened), isReached };
}

test('a sink that stands still stops the reading of the source, and what waits is told as lag', async () => {
  const dir = join(root, 'held');
  const gate = createGate();
  const assembled = await assemble(shippedFiles);
  const scoring = new Columnar({ dir, assembled, clockMs, ...limits, onDurable: gate.pass });
  let read = 0;
  async function* source(): AsyncGenerator<readonly SourceRecord[]> {
    for (let from = 0; from < items.length; from += batchItems) {
      const batch = items.slice(from, from + batchItems);
      read += batch.length;
      yield batch;
    }
  }
  const running = runSource({ scoring, items: source(), atEnd: 'stayOpen', appendRecordsMax: batchItems });
  await gate.isReached;
  // Every turn that the event loop has to give is taken: nothing more is read.
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(read).toBe(batchItems);
  expect(scoring.lagRecords + scoring.nextOffset).toBe(batchItems);
  expect(scoring.lagRecords).toBe(batchItems - limits.batchRecordsMax);
  gate.open();
  expect(await running).toBe('complete');
  expect(read).toBe(items.length);
  await scoring.close();
});
