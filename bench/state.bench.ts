import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { loadCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { realDisk } from '../adapters/files/disk.ts';
import { acquireOwner } from '../adapters/files/owner-lock.ts';
import type { PartEntry } from '../adapters/files/part-file.ts';
import { authorizationContract } from '../core/contract/authorization.ts';
import { createPageBook, pageBytes } from '../core/engine/pages.ts';
import {
  type ColumnarFeatureRest,
  createColumnarFeatureState,
  restOfFeatures,
} from '../core/features/columnar-state.ts';
import { count, countDistinct, defineFeatures, sum } from '../core/features/define.ts';
import { noParts, partsOf } from '../runtime/cut-keeper.ts';
import { createKeyCollector } from '../runtime/key-collector.ts';
import { type KeeperThread, startKeeper } from '../runtime/keeper-thread.ts';
import { createStateParts, loadHalf, type PartSink, type StateParts } from '../runtime/state-part.ts';
import { digestOfOwners } from './state-owners.ts';
import { type FeatureRun, openFeatureRun, runRound } from './feature-log.ts';

export const name = 'state';

const keysAsked = process.argv.indexOf('--keys');
const keys = keysAsked < 0 ? 500_000 : Number(process.argv[keysAsked + 1]);
const events = 250_000;
/** As many as a run of the pipeline has by default: 4,096 records a batch, 500,000 a cut. */
const batchesOfCut = 122;
const root = mkdtempSync(join(tmpdir(), 'weir-state-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));

/** By card alone: what a partition that is keyed by card computes without any other. */
const { plan } = defineFeatures({
  name: 'state',
  version: 1,
  on: authorizationContract,
  features: ({ cardToken, amountMinor, merchantId }) => ({
    events: count().by(cardToken).over('30d'),
    amount: sum(amountMinor).by(cardToken).over('30d'),
    merchants: countDistinct(merchantId).by(cardToken).over('30d'),
  }),
});

/** A state of so many cards that goes on from run to run, with checkpoints or without. */
export const variants = (['uniform', 'zipf'] as const).flatMap((keyed) => [
  { name: `${keyed}, no checkpoints`, run: () => runRound(stateOf(keyed).run) },
  { name: `${keyed}, checkpoints`, run: () => runWithCuts(stateOf(keyed)) },
]);

/** What is beside the mean: bytes, pauses, and what recovery takes. */
export async function report(): Promise<string[]> {
  for (const state of states.values()) {
    state.parts.slice('all');
    await state.kept;
    await state.keeper.close();
  }
  const lines = [...states].flatMap(([keyed, kept]) => [
    `${keyed}: ${formatMiB(pageBytes(bookOf(kept.run)))} of state over ${keys.toLocaleString('en-US')} cards`,
    `${keyed}: ${describeCuts(kept)}`,
    `${keyed}: ${describePauses('pause', kept.pausesMs)}`,
    `${keyed}: ${describePauses('CPU', kept.pausesCpuMs)}`,
    `${keyed}: ${describeRecovery(kept)}`,
  ]);
  return [...lines, await describeOwners()];
}

type KeptState = {
  readonly run: FeatureRun;
  readonly dir: string;
  readonly parts: StateParts;
  readonly keeper: KeeperThread;
  /** To the keeper, as the front. */
  readonly front: MessagePort;
  kept: Promise<void>;
  /** What the cuts took of each batch, by the clock and of the processor: other programs stretch the first. */
  readonly pausesMs: number[];
  readonly pausesCpuMs: number[];
  readonly changedBytes: number[];
  readonly wholeBytes: number[];
  batches: number;
};

const states = new Map<string, KeptState>();

function stateOf(keyed: 'uniform' | 'zipf'): KeptState {
  const known = states.get(keyed);
  if (known !== undefined) return known;
  const spanMs = 86_400_000;
  const run = openFeatureRun({ keys, events, spanMs, disorderMs: 5000, keyed, plan });
  // Every card has entries before anything is measured.
  for (let taken = 0; taken < Math.min(keys, 4_000_000); taken += runRound(run)) continue;
  const dir = join(root, keyed);
  const { port1, port2 } = new MessageChannel();
  const onFailure = (error: unknown): never => {
    throw error;
  };
  const { epoch } = acquireOwner(dir);
  const keeper = startKeeper(
    { dir, epoch, parts: noParts, definition: plan.name, port: port2 },
    { onFailure, onRoom: () => undefined },
  );
  port1.unref();
  const book = bookOf(run);
  const sizes = { changedBytes: new Array<number>(), wholeBytes: new Array<number>() };
  const sink = countingSink(keeper.sink, sizes);
  const parts = createStateParts({ half: 'back', epoch: 1, book, interner: null, loaded: null, sink, batchesOfCut });
  const kept = Promise.resolve();
  const state: KeptState = {
    run,
    dir,
    parts,
    keeper,
    front: port1,
    kept,
    pausesMs: [],
    pausesCpuMs: [],
    ...sizes,
    batches: 0,
  };
  states.set(keyed, state);
  return state;
}

function bookOf({ state }: FeatureRun) {
  return state.rows.pages.book;
}

/** Hands on, and counts the bytes of each part. */
function countingSink(sink: PartSink, sizes: Pick<KeptState, 'changedBytes' | 'wholeBytes'>): PartSink {
  let into = sizes.changedBytes;
  return {
    begin: (part) => {
      into = part.extent === 'whole' ? sizes.wholeBytes : sizes.changedBytes;
      into.push(0);
      sink.begin(part);
    },
    append: (kind, bytes) => {
      into[into.length - 1]! += bytes.length;
      sink.append(kind, bytes);
    },
    end: () => sink.end(),
  };
}

function runWithCuts(kept: KeptState): number {
  const { run, parts } = kept;
  return runRound(run, () => {
    const startMs = performance.now();
    const startCpu = process.threadCpuUsage();
    if (kept.batches++ % batchesOfCut === 0) beginCut(kept);
    parts.slice('some');
    const cpu = process.threadCpuUsage(startCpu);
    kept.pausesMs.push(performance.now() - startMs);
    kept.pausesCpuMs.push((cpu.user + cpu.system) / 1000);
  });
}

/** Begins a cut of the state as the back; the front has nothing. */
function beginCut(kept: KeptState): void {
  const { run, parts, keeper, front, batches } = kept;
  parts.begin(batches, restOfFeatures(run.state));
  front.postMessage({ kind: 'begin', name: `front-${String(batches).padStart(16, '0')}-1.part`, extent: 'whole' });
  front.postMessage({ kind: 'end' });
  const keys = createKeyCollector().take();
  kept.kept = keeper.keep({ startOffset: batches - 1, endOffset: batches, keys, counts: new Map() });
}

function describeCuts({ changedBytes, wholeBytes, batches }: KeptState): string {
  const eventsOfCut = batchesOfCut * 4096;
  const all = [...changedBytes, ...wholeBytes].reduce((total, bytes) => total + bytes, 0);
  const meanOf = (sizes: readonly number[]): string =>
    sizes.length === 0 ? 'none' : formatMiB(sizes.reduce((total, bytes) => total + bytes, 0) / sizes.length);
  const each = (all / ((changedBytes.length + wholeBytes.length) * eventsOfCut)).toFixed(0);
  return `${wholeBytes.length} whole cuts of ${meanOf(wholeBytes)}, ${changedBytes.length} of what changed of ${meanOf(changedBytes)}, ${each} bytes an event, over ${batches} batches`;
}

function describePauses(title: string, pausesMs: readonly number[]): string {
  const sorted = pausesMs.toSorted((left, right) => left - right);
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2);
  return `${title} of a batch's share of a cut p50 ${at(0.5)} ms, p99 ${at(0.99)}, p99.9 ${at(0.999)}, longest ${at(1)}`;
}

/** Reads the newest checkpoint back. */
function describeRecovery(kept: KeptState): string {
  const dir = join(kept.dir, 'checkpoints');
  const startMs = performance.now();
  const startCpu = process.cpuUsage();
  const { checkpoint } = loadCheckpoint({ dir });
  const list: readonly PartEntry[] = partsOf(checkpoint?.value).filter(({ name: file }) => file.startsWith('back'));
  const loaded = loadHalf({ dir, parts: list, disk: realDisk });
  if ('why' in loaded) throw new Error(`got a damaged part: ${loaded.why}`);
  const readMs = performance.now() - startMs;
  // Behind its checksum it is what this bench wrote.
  const rest = loaded.rest as ColumnarFeatureRest;
  const state = createColumnarFeatureState(kept.run.engine, { book: createPageBook(loaded.images), rest });
  const allMs = performance.now() - startMs;
  const cpu = process.cpuUsage(startCpu);
  const cpuMs = (cpu.user + cpu.system) / 1000;
  const bytes = list.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  const held = pageBytes(state.rows.pages.book);
  const ofGiB = ((allMs / held) * 2 ** 30) / 1000;
  return `recovery of ${formatMiB(held)} from ${list.length} parts of ${formatMiB(bytes)} in ${(allMs / 1000).toFixed(2)} s (reading ${(readMs / 1000).toFixed(2)}, CPU ${(cpuMs / 1000).toFixed(2)}), ${ofGiB.toFixed(2)} s a GiB`;
}

/** Eight partitions by 1, 2, 3 and 8 owners, handed over in the middle. */
async function describeOwners(): Promise<string> {
  const digests = new Set<string>();
  for (const owners of [1, 2, 3, 8]) digests.add(await digestOfOwners(join(root, `owners-${owners}`), owners));
  if (digests.size !== 1) throw new Error(`got ${digests.size} different outputs, expected one for any owners`);
  return `8 partitions by 1, 2, 3 and 8 owners, handed over in the middle: the same rows, SHA-256 ${[...digests].join()}`;
}

function formatMiB(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
