import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSegmentLog } from '../adapters/files/segment-log.ts';
import { assemble, type WeirFiles } from '../runtime/assemble.ts';
import { Columnar } from '../runtime/columnar.ts';
import { expectLongRun } from '../runtime/compiler-settings.ts';
import type { Scoring } from '../runtime/scoring.ts';
import { openSplit } from '../runtime/split.ts';
import { demoDisturbance, disturb } from '../simulate/disturb.ts';
import { simulatePayments } from '../simulate/payments.ts';
import { openStages, type StageTimes } from './pipeline-stages.ts';

export const name = 'pipeline';

/** The book's 15 features and 100 trees, and the shipped rules. */
const book: WeirFiles = {
  definition: fileOf('features.ts'),
  rules: fileOf('rules.json'),
  model: fileOf('book-model.json'),
};
const payments = 1_000_000;
expectLongRun();
const root = mkdtempSync(join(tmpdir(), 'weir-bench-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
const decisionsASecond = new Map<string, number>();
let stages: StageTimes | null = null;

/**
 * From the bytes of the log to all sinks, durable: journal, lake, index, ledger, checkpoints, for payments of which some
 * are late, copies or damaged, and the disputes of the frauds. An event is a record of the log; opening is not measured.
 */
export const variants = [
  { name: 'one thread', run: () => runOver('one thread', async (dir) => openOne(dir)) },
  { name: 'split by stage', run: () => runOver('split by stage', async (dir) => openInThreads(dir)) },
];

/** What is beside the mean: decisions, and where one thread spends its time. */
export function report(): string[] {
  const lines = [...decisionsASecond].map(
    ([title, best]) => `${title}: at best ${Math.round(best).toLocaleString('en-US')} decisions a second`,
  );
  const ofStages = Object.entries(stages ?? {}).map(([stage, us]) => `${stage} ${us.toFixed(2)}`);
  return [...lines, `one thread, CPU microseconds a record by stage: ${ofStages.join(', ')}`];
}

async function runOver(title: string, open: (dir: string) => Promise<Scoring>): Promise<number> {
  const dir = outputWithLog(title);
  const scoring = await open(dir);
  const startMs = performance.now();
  await scoring.process({ lagRecordsMax: 0 });
  await scoring.commit();
  const seconds = (performance.now() - startMs) / 1000;
  const decisions = countDecisions(scoring);
  if (decisions < payments * 0.99) throw new Error(`got ${decisions} decisions of ${payments} payments`);
  decisionsASecond.set(title, Math.max(decisionsASecond.get(title) ?? 0, decisions / seconds));
  const { nextOffset } = scoring;
  await scoring.close();
  if (stages === null) {
    const assembled = await assemble(book);
    stages = await openStages({ dir: outputWithLog('stages'), assembled });
  }
  rmSync(dir, { recursive: true, force: true });
  return nextOffset;
}

async function openOne(dir: string): Promise<Scoring> {
  return new Columnar({ dir, assembled: await assemble(book) });
}

async function openInThreads(dir: string): Promise<Scoring> {
  return openSplit({ dir, assembled: await assemble(book), files: book });
}

function countDecisions({ counts }: Scoring): number {
  let decisions = 0;
  for (const [count, value] of counts) if (count.startsWith('decisions.')) decisions += value;
  return decisions;
}

/** An output directory whose log holds the stream and of which nothing is taken yet. */
function outputWithLog(title: string): string {
  const dir = join(root, title.replaceAll(' ', '-'));
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  cpSync(streamLog(), join(dir, 'log'), { recursive: true });
  return dir;
}

let written: string | null = null;

function streamLog(): string {
  if (written !== null) return written;
  const dir = join(root, 'stream');
  const log = openSegmentLog({ dir });
  const world = { customers: 50_000, terminals: 20_000, terminalDistanceMax: 3, clearingRate: 0, reversalRate: 0 };
  const stream = simulatePayments({ seed: 1, ...world, authorizationsMax: payments });
  let batch: Parameters<typeof log.append>[0][number][] = [];
  let sourcePosition = 0;
  for (const { topic, bytes } of disturb(stream, { ...demoDisturbance, seed: 1 })) {
    sourcePosition++;
    batch.push({ topic, bytes, ingestTimeMs: afterTheStreamMs, sourcePosition });
    if (batch.length < 4096) continue;
    log.append(batch);
    batch = [];
  }
  log.append(batch);
  log.sync();
  log.close();
  written = dir;
  return dir;
}

const afterTheStreamMs = Date.UTC(2030, 0, 1);

function fileOf(file: string): string {
  return new URL(`../examples/handbook/${file}`, import.meta.url).pathname;
}
