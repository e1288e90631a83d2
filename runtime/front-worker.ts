import { join } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { copySettled } from '../core/features/settled-copy.ts';
import { createRare } from '../core/steps/columnar-front.ts';
import { assemble } from './assemble.ts';
import { type BatchSlot, openSlot } from './batch-slot.ts';
import { readJournal } from './columnar-journal.ts';
import { type ColumnarWeir, columnarWeirOf } from './columnar-weir.ts';
import { type FrontBatchResult, type FrontShell, openFrontShell } from './front-shell.ts';
import type { FromKeeper } from './keeper-worker.ts';
import { createRemoteSink, type RemoteSink } from './remote-sink.ts';
import type { CrewData, FromBack, ToBack, ToFront, ToMain } from './split-messages.ts';
import { failureMessage } from './thread-failure.ts';

/** The thread of the front: reads the log, decodes, admits and computes features, and hands batches to the back. */
class FrontThread {
  readonly #port: MessagePort;
  readonly #shell: FrontShell;
  readonly #sink: RemoteSink;
  readonly #slots: readonly BatchSlot[];
  /** The slots that the front may write to. */
  readonly #free: number[];
  /** Settled rows of the last batch that no slot had room for yet. */
  #unsent: { readonly taken: FrontBatchResult; readonly sent: number } | null = null;
  #endOffset: number;
  #cutOffset: number;
  #isAskedToCommit = false;
  #isScheduled = false;

  constructor(data: CrewData, weir: ColumnarWeir) {
    const { dir, fromOffset, batchRecordsMax, cutRecords, verifyBelowOffset, port, keeperPort } = data;
    this.#port = port;
    this.#endOffset = fromOffset;
    this.#cutOffset = fromOffset;
    this.#sink = createRemoteSink((message, transferred) => keeperPort.postMessage(message, transferred));
    this.#shell = openFrontShell({
      logDir: join(dir, 'log'),
      keysDir: join(dir, 'keys'),
      weir,
      loaded: data.loaded,
      epoch: data.epoch,
      sink: this.#sink,
      fromOffset,
      verifyBelowOffset,
      cutRecords,
      batchRecordsMax,
      recorded: readJournal(join(dir, 'journal'), fromOffset),
      stateBytesMax: data.stateBytesMax,
    });
    const { layout, plan } = weir.options;
    const shape = { layout, featureCount: plan.features.length, rowsMax: batchRecordsMax };
    this.#slots = data.slots.map((buffer) => openSlot(buffer, shape));
    this.#free = data.slots.map((_, index) => index);
    parentPort?.on('message', (message: ToFront) => guard(() => this.#hearMain(message)));
    port.on('message', (message: FromBack) => guard(() => this.#hearBack(message)));
    keeperPort.on('message', (message: FromKeeper) => guard(() => this.#hearKeeper(message)));
    tell({ kind: 'frontTotals', totals: this.#shell.totals() });
    tell({ kind: 'ready' });
  }

  #hearMain(message: ToFront): void {
    if (message.kind === 'appended') this.#endOffset = Math.max(this.#endOffset, message.endOffset);
    else this.#isAskedToCommit = true;
    this.#schedule();
  }

  #hearBack(message: FromBack): void {
    if (message.kind === 'free') this.#free.push(message.slot);
    else this.#shell.noteCommitted(message.offset);
    this.#schedule();
  }

  #hearKeeper(message: FromKeeper): void {
    if (message.kind !== 'written') return;
    const wasBehind = this.#sink.isBehind();
    this.#sink.noteWritten(message.sizeBytes);
    if (wasBehind) this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => guard(() => this.#pump()));
  }

  /**
   * Writes some of a cut that is open, and takes one batch if there is one and a slot for it; then lets messages have
   * their turn. Waits while more is on its way to the disk than may be.
   */
  #pump(): void {
    this.#isScheduled = false;
    if (this.#sink.isBehind()) return;
    const { parts } = this.#shell;
    parts.slice('some');
    if (parts.isOpen()) this.#schedule();
    const slot = this.#free.at(-1);
    if (slot === undefined) return;
    if (this.#unsent !== null) {
      this.#free.pop();
      this.#send(this.#unsent.taken, slot, this.#unsent.sent);
    } else {
      const taken = this.#shell.take(this.#endOffset, this.#slots[slot]!);
      if (taken === null) return this.#rest();
      this.#free.pop();
      this.#send(taken, slot, 0);
    }
    this.#schedule();
  }

  /** The log has no more for now. */
  #rest(): void {
    if (this.#isAskedToCommit) this.#endCut();
    this.#isAskedToCommit = false;
  }

  #send(taken: FrontBatchResult, slot: number, start: number): void {
    const { columns, settled } = this.#slots[slot]!;
    const count = copySettled(taken.settled, start, settled);
    const isWhole = start + count === taken.settled.rowCount;
    const isFirst = start === 0;
    if (!isFirst) columns.counts.fill(0);
    this.#tellBack({
      kind: 'batch',
      slot,
      settledRows: count,
      settledTextBytes: settled.textBytes,
      texts: isFirst ? this.#shell.newTexts() : null,
      rare: isFirst ? taken.rare : createRare(),
      endOffset: taken.endOffset,
      isWhole,
    });
    this.#unsent = isWhole ? null : { taken, sent: start + count };
    if (isWhole && taken.endsCut) this.#endCut();
  }

  /** Without records since the last cut there is nothing to keep, but the back is told, so that it answers. */
  #endCut(): void {
    const offset = this.#shell.nextOffset();
    const isEmpty = offset === this.#cutOffset;
    if (!isEmpty) this.#shell.beginCut();
    this.#cutOffset = offset;
    tell({ kind: 'frontTotals', totals: this.#shell.totals() });
    this.#tellBack({ kind: 'cut', isEmpty });
    this.#schedule();
  }

  #tellBack(message: ToBack): void {
    this.#port.postMessage(message);
  }
}

function tell(message: ToMain): void {
  parentPort?.postMessage(message);
}

/** A failure ends the run: it is told as it is. */
function guard(run: () => void): void {
  try {
    run();
  } catch (error) {
    tell({ kind: 'failed', error: failureMessage(error) });
  }
}

// What whoever starts this thread has set.
const data = workerData as CrewData;
try {
  new FrontThread(data, columnarWeirOf(await assemble(data.files, data.watermarkPer)));
} catch (error) {
  tell({ kind: 'failed', error: failureMessage(error) });
}
