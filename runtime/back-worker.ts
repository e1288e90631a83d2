import { join } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ownerOfEpoch } from '../adapters/files/owner-lock.ts';
import { createInterner, type Interner } from '../core/decode/interner.ts';
import { importTexts } from '../core/decode/interner-transfer.ts';
import type { Decision } from '../core/score/decision.ts';
import type { Counts } from '../core/sinks/effects.ts';
import { assemble } from './assemble.ts';
import { BackShell } from './back-shell.ts';
import { type BatchSlot, openSlot } from './batch-slot.ts';
import { readJournal } from './columnar-journal.ts';
import { type ColumnarWeir, columnarWeirOf } from './columnar-weir.ts';
import type { CrewData, FromBack, Handed, ToBack, ToMain } from './split-messages.ts';
import { createLakeWriter } from './lake-writer.ts';
import { type KeeperThread, startKeeper } from './keeper-thread.ts';
import { importLoadedTexts } from './state-part.ts';
import { failureMessage } from './thread-failure.ts';

/** The thread of the back: scores, posts, and writes journal, lake, index and checkpoint. */
class BackThread {
  readonly #port: MessagePort;
  readonly #interner: Interner;
  readonly #shell: BackShell;
  readonly #slots: readonly BatchSlot[];
  #reportedOffset: number;
  /** The message under way, and the report that waits for the disk: each begins when the one before has ended. */
  #work: Promise<unknown> = Promise.resolve();
  #report: Promise<unknown> = Promise.resolve();
  readonly #keeper: KeeperThread;
  /** The cut that is being kept. */
  #keeping: Promise<unknown> = Promise.resolve();
  /** Lets the next batch in, once less is on its way to the disk. */
  #onRoom: () => void = () => undefined;

  constructor(data: CrewData, weir: ColumnarWeir) {
    const { dir, fromOffset, batchRecordsMax, cutRecords, port, loaded, counts, epoch, parts } = data;
    this.#port = port;
    this.#reportedOffset = fromOffset;
    this.#interner = createInterner();
    if (loaded !== null) importLoadedTexts(this.#interner, loaded);
    this.#keeper = startKeeper(
      { dir, epoch, parts, definition: weir.definitionHash, port: data.keeperPort },
      { onFailure: tellFailure, onRoom: () => this.#onRoom() },
    );
    const owner = ownerOfEpoch(dir, epoch);
    const lake = createLakeWriter({
      dir,
      weir,
      interner: this.#interner,
      partition: 0,
      fromOffset,
      owner,
      keep: this.#keeper.keep,
    });
    this.#shell = new BackShell({
      dir,
      weir,
      interner: this.#interner,
      loaded,
      counts,
      fromOffset,
      batchRecordsMax,
      cutRecords,
      recorded: readJournal(join(dir, 'journal'), fromOffset),
      owner,
      lake,
      sink: this.#keeper.sink,
      tells: 'declines',
      stateBytesMax: data.stateBytesMax,
    });
    const { layout, plan } = weir.options;
    const shape = { layout, featureCount: plan.features.length, rowsMax: batchRecordsMax };
    this.#slots = data.slots.map((buffer) => openSlot(buffer, shape));
    port.on('message', (message: ToBack) => this.#hear(message));
    tell({ kind: 'backTotals', ledger: this.#shell.ledgerTotals() });
    tell({ kind: 'ready' });
  }

  /** Messages are taken one after the other, whatever of their work has to wait for the disk. */
  #hear(message: ToBack): void {
    this.#work = this.#work
      .then(() => (message.kind === 'cut' ? this.#endCut(message.isEmpty) : this.#take(message)))
      .catch(tellFailure);
  }

  /** Takes a batch while the one before is made durable: its report is one sync behind the work. */
  async #take(handed: Handed): Promise<void> {
    const before = this.#report;
    if (this.#keeper.sink.isBehind()) await this.#room();
    const decisions = this.#takeSlot(handed);
    if (handed.isWhole) {
      const counts: Counts = new Map(this.#shell.counts);
      const synced = this.#shell.syncSoon();
      this.#report = before.then(() => synced).then(() => this.#tellReport(handed, { decisions, counts }));
    }
    await before;
  }

  #takeSlot({ slot: number, settledRows, settledTextBytes, texts, rare, endOffset }: Handed): readonly Decision[] {
    if (texts !== null) importTexts(this.#interner, texts);
    const slot = this.#slots[number]!;
    slot.settled.rowCount = settledRows;
    slot.settled.textBytes = settledTextBytes;
    const { decisions } = this.#shell.take({ slot, settled: slot.settled, rare, endOffset });
    this.#tellFront({ kind: 'free', slot: number });
    return decisions;
  }

  #tellReport(
    { endOffset }: Handed,
    { decisions, counts }: { readonly decisions: readonly Decision[]; readonly counts: Counts },
  ): void {
    const records = endOffset - this.#reportedOffset;
    this.#reportedOffset = endOffset;
    tell({ kind: 'report', report: { records, nextOffset: endOffset, decisions }, counts });
  }

  /** Resolves once no more is on its way to the disk than may be. */
  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoom = () => {
        if (!this.#keeper.sink.isBehind()) resolve();
      };
    });
  }

  /** Ends the cut and goes on; the cut is told of once it is kept, one after the other. */
  async #endCut(isEmpty: boolean): Promise<void> {
    await this.#report;
    this.#shell.parts.slice('all');
    await this.#keeping;
    const ending = isEmpty ? null : this.#shell.endCut();
    const ledger = this.#shell.ledgerTotals();
    const offset = this.#shell.nextOffset;
    this.#keeping = Promise.resolve(ending)
      .then(() => {
        tell({ kind: 'backTotals', ledger });
        this.#tellFront({ kind: 'committed', offset });
        tell({ kind: 'committed', offset });
      })
      .catch(tellFailure);
    this.#goOnWithCut();
  }

  /** Writes some more of an open cut in every turn, between two batches or when there is none. */
  #goOnWithCut(): void {
    if (!this.#shell.parts.isOpen()) return;
    setImmediate(() => {
      this.#work = this.#work
        .then(() => {
          if (!this.#keeper.sink.isBehind()) this.#shell.parts.slice('some');
          this.#goOnWithCut();
        })
        .catch(tellFailure);
    });
  }

  #tellFront(message: FromBack): void {
    this.#port.postMessage(message);
  }
}

function tellFailure(error: unknown): void {
  tell({ kind: 'failed', error: failureMessage(error) });
}

function tell(message: ToMain): void {
  parentPort?.postMessage(message);
}

// What whoever starts this thread has set.
const data = workerData as CrewData;
try {
  new BackThread(data, columnarWeirOf(await assemble(data.files, data.watermarkPer)));
} catch (error) {
  tell({ kind: 'failed', error: failureMessage(error) });
}
