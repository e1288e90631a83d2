import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Disk, realDisk } from '../../adapters/files/disk.ts';
import { openLake } from '../../adapters/files/lake.ts';
import { type Processes, realProcesses } from '../../adapters/files/process-liveness.ts';
import { openSegmentLog } from '../../adapters/files/segment-log.ts';
import type { SourceItem } from '../../adapters/files/source.ts';
import { createFlow } from '../../core/flow-pipeline.ts';
import { flowTableRow } from '../../core/steps/flow-tables.ts';
import type { TableRow } from '../../core/sinks/table-schema.ts';
import { FlowRun } from '../../runtime/flow.ts';
import { claimFlow, type FlowManifest } from '../../runtime/flow-files.ts';
import { streamFlow } from '../../runtime/flow-stream.ts';
import { runSource } from '../../runtime/run-source.ts';
import { openStream, wholeBelow } from '../../simulate/random.ts';
import { shopFlow } from '../laws/flow-definitions.ts';
import { lastRows } from '../laws/flow-harness.ts';
import { makeFlowLogs } from '../laws/flow-workload.ts';

const flow = createFlow(shopFlow('full'), { watermarkPer: 'topic', partitions: 1 });
const made: string[] = [];
const newDirectory = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'weir-flow-'));
  made.push(dir);
  return dir;
};
afterAll(() => made.forEach((dir) => rmSync(dir, { recursive: true })));

const items: SourceItem[] = (
  makeFlowLogs({ seed: 11, events: 400, behindMsMax: 1400, disturbed: true, partitions: 1 })[0] ?? []
).flatMap(({ record, event }) => (event === null ? [] : [{ topic: record.topic, bytes: record.bytes }]));
items.splice(100, 0, { topic: 'shop.order.v1', bytes: new TextEncoder().encode('{"tenantId":') });

async function* inBatches(size: number): AsyncGenerator<readonly SourceItem[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

const outputs = ['sent', 'graded', 'weights', 'visits', 'late', 'dead_letters'];

/** What a reader of the lake ends with: of each row the highest revision. */
async function readLake(dir: string): Promise<Record<string, string[]>> {
  const lake = openLake({ dir: join(dir, 'lake') });
  const tables: Record<string, string[]> = {};
  for (const output of outputs) {
    const last = new Map<string, TableRow>();
    for await (const rows of lake.readRows(output)) {
      for (const row of rows) {
        const name = JSON.stringify([row['tenant_id'], row['key'] ?? row['offset']]);
        const before = last.get(name);
        if (before === undefined || Number(before['revision']) < Number(row['revision'])) last.set(name, row);
      }
    }
    tables[output] = [...last.values()].map((row) => JSON.stringify(row)).toSorted();
  }
  return tables;
}

const clockMs = (): number => 1_000_000;

async function runWhole(dir: string): Promise<FlowRun> {
  const run = new FlowRun({ dir, flow, clockMs });
  await runSource({ scoring: run, items: inBatches(100), atEnd: 'endOfInput' });
  await run.close();
  return run;
}

describe('the embedded runtime of a flow', () => {
  test('stopped anywhere it goes on to the same rows', async () => {
    const wholeDir = newDirectory();
    const whole = await runWhole(wholeDir);
    const expected = await readLake(wholeDir);
    for (const output of outputs) expect(expected[output]?.length, output).toBeGreaterThan(0);
    let resumed = 0;
    for (let seed = 1; seed <= 4; seed++) {
      const random = openStream({ seed, name: 'flow stops' });
      const dir = newDirectory();
      let stops = 0;
      for (let isDone = false; !isDone; stops++) {
        const options = { batchRecordsMax: 1 + wholeBelow(random, 90), cutRecords: 50 + wholeBelow(random, 200) };
        const run = new FlowRun({ dir, flow, clockMs, ...options });
        if (run.recovery.checkpointOffset > 0) resumed += 1;
        isDone = await runUntilStopped(run, stops < 5 ? 1 + wholeBelow(random, 6) : Infinity);
        // Without a commit, as a crash leaves it: what is in the log is taken again.
        await run.close();
        if (isDone) expect(countsOf(run)).toEqual(countsOf(whole));
      }
      expect(await readLake(dir)).toEqual(expected);
    }
    expect(resumed).toBeGreaterThan(5);
  });

  test('cut off at any operation of the disk it goes on to the same rows', async () => {
    const wholeDir = newDirectory();
    await runWhole(wholeDir);
    const expected = await readLake(wholeDir);
    let crashes = 0;
    for (let seed = 1; seed <= 3; seed++) {
      const random = openStream({ seed, name: 'flow crashes' });
      const dir = newDirectory();
      let attempts = 0;
      for (let isDone = false; !isDone; attempts++) {
        const options = { batchRecordsMax: 60, cutRecords: 120, processes: allDead, clockMs };
        const operationsMax = attempts > 6 ? Infinity : 1 + wholeBelow(random, 120);
        isDone = await runUntilCutOff({ dir, flow, ...options, disk: diskOf(operationsMax) });
        if (!isDone) crashes += 1;
      }
      expect(await readLake(dir)).toEqual(expected);
    }
    expect(crashes).toBeGreaterThan(10);
  });

  test('a run whose directory was taken over commits nothing', async () => {
    const dir = newDirectory();
    const zombie = new FlowRun({ dir, flow, clockMs });
    await zombie.append(items.slice(0, 50).map((item, index) => ({ ...item, sourcePosition: index + 1 })));
    await zombie.process({ lagRecordsMax: 0 });
    const taker = new FlowRun({ dir, flow, clockMs, processes: allDead });
    await expect(zombie.append([{ ...items[0]!, sourcePosition: items.length }])).rejects.toMatchObject({
      code: 'FENCED',
    });
    await expect(zombie.commit()).rejects.toMatchObject({ code: 'FENCED' });
    await taker.process({ lagRecordsMax: 0 });
    await taker.commit();
    expect([taker.nextOffset, taker.recovery.checkpointOffset]).toEqual([50, 0]);
    await taker.close();
    await zombie.close();
  });

  test('a run that is complete knows it', async () => {
    const dir = newDirectory();
    await runWhole(dir);
    const again = new FlowRun({ dir, flow, clockMs });
    expect(again.isComplete).toBe(true);
    await again.close();
  });

  test('without a directory the rows are the same', async () => {
    const dir = newDirectory();
    await runWhole(dir);
    const rows: Parameters<typeof lastRows>[0][number][] = [];
    const late: unknown[] = [];
    const onRows = (some: readonly (typeof rows)[number][]) => void rows.push(...some);
    const onLate = (some: readonly unknown[]) => void late.push(...some);
    await streamFlow({ flow, items: inBatches(77), onRows, onLate, clockMs });
    const lake = await readLake(dir);
    const texts = lastRows(rows).map((row) => ({ output: row.output, text: canonical(flowTableRow(row)) }));
    for (const output of outputs.slice(0, 4)) {
      const told = texts.filter((row) => row.output === output).map(({ text }) => text);
      expect(told.toSorted()).toEqual((lake[output] ?? []).map((text) => canonical(JSON.parse(text))).toSorted());
    }
    expect(late).toHaveLength(lake['late']?.length ?? 0);
  });

  test('ticks are in the log before the records that came after them, with their place', async () => {
    const dir = newDirectory();
    let nowMs = 0;
    const run = new FlowRun({ dir, flow, tickMs: 1000, clockMs: () => (nowMs += 600) });
    await runSource({ scoring: run, items: inBatches(100), atEnd: 'stayOpen' });
    await run.close();
    const log = openSegmentLog({ dir: join(dir, 'log') });
    const ticks = log
      .read({ fromOffset: 0, countMax: log.endOffset })
      .filter(({ topic }) => topic === 'weir.control.v1')
      .map(({ bytes, offset }) => [offset, new TextDecoder().decode(bytes)]);
    log.close();
    expect(ticks.length).toBeGreaterThan(2);
    for (const [offset, text] of ticks) expect(text).toBe(`{"kind":"tick","afterOffset":${Number(offset) - 1}}`);
  });

  test('another definition is refused, with what is different', () => {
    const dir = newDirectory();
    const source = { path: 'x.jsonl', sizeBytes: 3, format: 'jsonl', mapping: null };
    const manifest: FlowManifest = { flow: { name: 'shop', version: 1, hash: 'aa' }, watermarkPer: 'input', source };
    claimFlow(dir, manifest);
    claimFlow(dir, manifest);
    const changed = { ...manifest, flow: { ...manifest.flow, hash: 'bb' } };
    expect(() => claimFlow(dir, changed)).toThrow(`${dir} was begun with something else: now "hash": "bb"`);
  });
});

/** All counts but those of rows: which revisions in between are sent depends on where batches end. */
function countsOf({ counts }: FlowRun): Record<string, number> {
  return Object.fromEntries([...counts].filter(([name]) => !name.startsWith('rows.')));
}

/** Every owner before this one has died. */
const allDead: Processes = { ...realProcesses, isLive: () => false };

/** The real disk, until it has changed so often; from then on it does nothing but fail. */
function diskOf(operationsMax: number): Disk {
  let operations = 0;
  const count = <Args extends unknown[], Result>(run: (...args: Args) => Result) => {
    return (...args: Args): Result => {
      operations += 1;
      if (operations > operationsMax) throw cutOff;
      return run(...args);
    };
  };
  const { write, truncate, sync, syncData, syncLater, syncDataLater, rename, link, remove, removeDirectory } = realDisk;
  return {
    ...realDisk,
    write: count(write),
    truncate: count(truncate),
    sync: count(sync),
    syncData: count(syncData),
    syncLater: count(syncLater),
    syncDataLater: count(syncDataLater),
    rename: count(rename),
    link: count(link),
    remove: count(remove),
    removeDirectory: count(removeDirectory),
    makeDirectories: count(realDisk.makeDirectories),
  };
}

const cutOff = new Error('cut off');

/** Runs to the end, or until the disk fails; true at the end. What is open then is left as it is. */
async function runUntilCutOff(options: ConstructorParameters<typeof FlowRun>[0]): Promise<boolean> {
  try {
    const run = new FlowRun(options);
    await runSource({ scoring: run, items: inBatches(50), atEnd: 'endOfInput' });
    await run.close();
    return true;
  } catch (error) {
    if (error === cutOff) return false;
    throw error;
  }
}

/** Runs until so many batches are done, or to the end; true at the end. */
async function runUntilStopped(run: FlowRun, batchesMax: number): Promise<boolean> {
  const stop = new AbortController();
  let batches = 0;
  const crash = new Error('crash');
  try {
    const status = await runSource({
      scoring: run,
      items: inBatches(64),
      atEnd: 'endOfInput',
      signal: stop.signal,
      onProgress: () => {
        batches += 1;
        if (batches >= batchesMax) throw crash;
      },
    });
    return status === 'complete';
  } catch (error) {
    if (error === crash) return false;
    throw error;
  }
}

/** A row with its columns by name, times as milliseconds. */
function canonical(row: TableRow): string {
  const cells = Object.entries(row).map(([name, value]) => [
    name,
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : value,
  ]);
  return JSON.stringify(
    Object.fromEntries(cells.toSorted(([left], [right]) => (String(left) < String(right) ? -1 : 1))),
  );
}
