import { MessageChannel, Worker } from 'node:worker_threads';
import { WeirError } from '../core/contract/failure.ts';
import type { Counts } from '../core/sinks/effects.ts';
import type { LedgerTotals } from '../core/sinks/ledger-totals.ts';
import type { Assembled, WeirFiles } from './assemble.ts';
import { slotBytes } from './batch-slot.ts';
import { columnarDefaults } from './columnar.ts';
import { openOutput, type OpenedOutput } from './columnar-opening.ts';
import { stateBytesMaxDefault } from './state-limit.ts';
import { columnarWeirOf } from './columnar-weir.ts';
import type { BatchReport, Incoming, Recovery, Scoring, ScoringTotals, WindowTotals } from './scoring.ts';
import type { CrewData, ToFront, ToMain } from './split-messages.ts';
import { errorOf } from './thread-failure.ts';

export type SplitOptions = {
  readonly dir: string;
  readonly assembled: Assembled;
  /** What was assembled, by its files: each thread assembles it for itself. */
  readonly files: WeirFiles;
  readonly batchRecordsMax?: number;
  readonly cutRecords?: number;
  /** Bytes that the state of each half may take. */
  readonly stateBytesMax?: number;
  readonly clockMs?: () => number;
};

/** Batches that may be under way between the two threads. */
const slotCount = 4;

/**
 * The embedded runtime over columns, split by stage: this thread keeps the log, one decodes and computes features, one
 * scores and writes. Every key is whole in its thread, so the results are those of one thread. A thread that ends before
 * its time fails whatever waits for it, at once. Its directory is as `Embedded` says.
 */
export async function openSplit(options: SplitOptions): Promise<Scoring> {
  const split = new Split(options);
  try {
    await split.ready;
    return split;
  } catch (error) {
    await split.close();
    throw error;
  }
}

class Split implements Scoring {
  readonly recovery: Recovery;
  readonly ready: Promise<void>;
  counts: Counts;
  nextOffset: number;
  readonly #output: OpenedOutput;
  readonly #clockMs: () => number;
  readonly #front: Worker;
  readonly #back: Worker;
  #ledger: LedgerTotals | null = null;
  #windows: WindowTotals = {
    watermarkMs: Number.NEGATIVE_INFINITY,
    skew: new Map(),
    refusedByKey: new Map(),
  };
  #committedOffset: number;
  #reports: BatchReport[] = [];
  #failure: Error | null = null;
  /** What waits for news of the threads: each looks again whether its time has come. */
  #waiting: (() => void)[] = [];
  #readyThreads = 0;
  #isClosing = false;
  #syncing: Promise<void> | null = null;

  constructor({ dir, assembled, files, clockMs = Date.now, ...limits }: SplitOptions) {
    const { batchRecordsMax, cutRecords, stateBytesMax = stateBytesMaxDefault } = { ...columnarDefaults, ...limits };
    const { options, definitionHash } = columnarWeirOf(assembled);
    const { layout, plan, watermarkPer } = options;
    this.#clockMs = clockMs;
    this.#output = openOutput(dir, { definition: definitionHash });
    const { log, fromOffset, halves, parts, counts, owner } = this.#output;
    this.recovery = this.#output.recovery;
    this.counts = counts;
    this.nextOffset = fromOffset;
    this.#committedOffset = fromOffset;
    const bytes = slotBytes({ layout, featureCount: plan.features.length, rowsMax: batchRecordsMax });
    const { port1, port2 } = new MessageChannel();
    const keeper = new MessageChannel();
    const data: Omit<CrewData, 'port' | 'keeperPort' | 'loaded'> = {
      dir,
      files,
      watermarkPer,
      fromOffset,
      batchRecordsMax,
      cutRecords,
      stateBytesMax,
      verifyBelowOffset: log.endOffset,
      epoch: owner.epoch,
      slots: Array.from({ length: slotCount }, () => new SharedArrayBuffer(bytes)),
      parts,
      counts,
    };
    const loadedBack = halves === null ? null : { ...halves.back, texts: halves.front.texts };
    this.#back = this.#start('back', { ...data, port: port2, keeperPort: keeper.port2, loaded: loadedBack });
    const loadedFront = halves?.front ?? null;
    this.#front = this.#start('front', { ...data, port: port1, keeperPort: keeper.port1, loaded: loadedFront });
    this.ready = this.#until(() => this.#readyThreads === 2);
    if (log.endOffset > fromOffset) this.#tellFront({ kind: 'appended', endOffset: log.endOffset });
  }

  get lastSourcePosition(): number | null {
    return this.#output.log.lastSourcePosition;
  }

  get lagRecords(): number {
    return this.#output.log.endOffset - this.nextOffset;
  }

  totals(): ScoringTotals {
    if (this.#ledger === null) throw new Error('got no totals yet, expected the threads to be ready');
    return { ...this.#windows, ledger: this.#ledger };
  }

  /** The threads take the records once they are durable, which this does not wait for. */
  async append(incoming: readonly Incoming[]): Promise<void> {
    this.#throwFailure();
    if (incoming.length === 0) return;
    this.#output.owner.assertOwner();
    const ingestTimeMs = this.#clockMs();
    this.#output.log.append(incoming.map((record) => ({ ...record, ingestTimeMs })));
    this.#syncing ??= this.#syncAll();
  }

  async process({ lagRecordsMax, onBatch, signal }: Parameters<Scoring['process']>[0]): Promise<void> {
    const isStopped = (): boolean => signal?.aborted === true;
    const wake = (): void => this.#wake();
    signal?.addEventListener('abort', wake);
    try {
      await this.#until(() => {
        for (const report of this.#reports.splice(0)) onBatch?.(report);
        return this.lagRecords <= lagRecordsMax || isStopped();
      });
    } finally {
      signal?.removeEventListener('abort', wake);
    }
  }

  async commit(): Promise<void> {
    await this.#syncing;
    this.#tellFront({ kind: 'commit' });
    await this.#until(() => this.#committedOffset === this.#output.log.endOffset);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.#front.terminate(), this.#back.terminate()]);
    await this.#syncing?.catch(() => undefined);
    this.#output.log.close();
    this.#output.owner.release();
  }

  #start(name: 'front' | 'back', workerData: CrewData): Worker {
    const worker = new Worker(new URL(`./${name}-worker.ts`, import.meta.url), {
      workerData,
      transferList: [workerData.port, workerData.keeperPort, ...memoryOf(workerData.loaded)],
    });
    worker.on('message', (message: ToMain) => this.#hear(message));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', (code) => {
      if (!this.#isClosing) this.#fail(threadDied(name, code));
    });
    return worker;
  }

  #hear(message: ToMain): void {
    switch (message.kind) {
      case 'ready':
        this.#readyThreads++;
        break;
      case 'frontTotals':
        this.#windows = message.totals;
        break;
      case 'backTotals':
        this.#ledger = message.ledger;
        break;
      case 'report':
        this.nextOffset = message.report.nextOffset;
        this.counts = message.counts;
        this.#reports.push(message.report);
        break;
      case 'committed':
        this.#committedOffset = message.offset;
        break;
      case 'failed':
        this.#fail(errorOf(message.error));
        break;
    }
    this.#wake();
  }

  /** Makes appended records durable, as often as more have come meanwhile, and tells the front of them. */
  async #syncAll(): Promise<void> {
    const { log } = this.#output;
    try {
      for (let told = -1; told < log.endOffset;) {
        const { endOffset } = log;
        await log.syncSoon();
        this.#tellFront({ kind: 'appended', endOffset });
        told = endOffset;
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#syncing = null;
    }
  }

  #tellFront(message: ToFront): void {
    this.#front.postMessage(message);
  }

  /** Resolves once the condition holds; rejects as soon as a thread has failed. */
  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#failure !== null) reject(this.#failure);
        else if (condition()) resolve();
        else this.#waiting.push(look);
      };
      look();
    });
  }

  #wake(): void {
    for (const look of this.#waiting.splice(0)) look();
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#wake();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

/** The segments of a loaded half, which the thread takes over. */
function memoryOf(loaded: CrewData['loaded']): ArrayBuffer[] {
  const segments = loaded?.images.flatMap((image) => [...image.segments]) ?? [];
  return segments.flatMap((segment) => (segment === undefined ? [] : [segment.buffer]));
}

function threadDied(name: string, code: number): WeirError {
  return new WeirError({
    code: 'THREAD_DIED',
    message: `got the end of the thread of the ${name} with exit code ${code}, expected it to run until the end`,
    fix: 'Run the same command again: it goes on where this one stopped. If it dies again, try --threads 1.',
    facts: { thread: name, exitCode: code },
  });
}
