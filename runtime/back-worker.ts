import { once } from 'node:events';
import { join } from 'node:path';
import { type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { deserialize } from 'node:v8';
import { ownerOfEpoch } from '../adapters/files/owner-lock.ts';
import { createInterner, type Interner } from '../core/decode/interner.ts';
import { importTexts } from '../core/decode/interner-transfer.ts';
import type { Decision } from '../core/score/decision.ts';
import type { Counts } from '../core/sinks/effects.ts';
import type { PackedFront } from '../core/steps/columnar-pack.ts';
import { assemble } from './assemble.ts';
import { BackShell } from './back-shell.ts';
import { type BatchSlot, openSlot } from './batch-slot.ts';
import { readJournal } from './columnar-journal.ts';
import { type ColumnarWeir, columnarWeirOf } from './columnar-weir.ts';
import type { CrewData, FromBack, Handed, ToBack, ToMain } from './split-messages.ts';
import type { KeptCut } from './cut-keeper.ts';
import type { Kept } from './keeper-worker.ts';
import { errorOf, failureMessage } from './thread-failure.ts';

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
  /** The cut that is being kept. */
  #keeping: Promise<unknown> = Promise.resolve();

  constructor(data: CrewData, weir: ColumnarWeir) {
    const { dir, fromOffset, batchRecordsMax, port, packedFront, counts } = data;
    this.#port = port;
    this.#reportedOffset = fromOffset;
    this.#interner = createInterner();
    if (packedFront !== null) importTexts(this.#interner, textsOf(packedFront));
    this.#shell = new BackShell({
      dir,
      weir,
      interner: this.#interner,
      packed: data.packedBack,
      counts,
      fromOffset,
      batchRecordsMax,
      recorded: readJournal(join(dir, 'journal'), fromOffset),
      owner: ownerOfEpoch(dir, data.epoch),
      keep: openKeeper(),
      tells: 'declines',
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
      .then(() => (message.kind === 'cut' ? this.#endCut(message.packedFront) : this.#take(message)))
      .catch((error: unknown) => tell({ kind: 'failed', error: failureMessage(error) }));
  }

  /** Takes a batch while the one before is made durable: its report is one sync behind the work. */
  async #take(handed: Handed): Promise<void> {
    const before = this.#report;
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
    const decisions = this.#shell.take({ slot, settled: slot.settled, rare, endOffset });
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

  /** Ends the cut and goes on; the cut is told of once it is kept, one after the other. */
  async #endCut(packedFront: Uint8Array | null): Promise<void> {
    await this.#report;
    await this.#keeping;
    const ending = packedFront === null ? null : this.#shell.endCut(packedFront);
    const ledger = this.#shell.ledgerTotals();
    const offset = this.#shell.nextOffset;
    this.#keeping = Promise.resolve(ending)
      .then(() => {
        tell({ kind: 'backTotals', ledger });
        this.#tellFront({ kind: 'committed', offset });
        tell({ kind: 'committed', offset });
      })
      .catch((error: unknown) => tell({ kind: 'failed', error: failureMessage(error) }));
  }

  #tellFront(message: FromBack): void {
    this.#port.postMessage(message);
  }
}

/** Starts the keeper's thread; gives what hands it a cut and resolves once the cut is kept. */
function openKeeper(): (cut: KeptCut) => Promise<void> {
  const worker = new Worker(new URL('./keeper-worker.ts', import.meta.url));
  return async (cut) => {
    const answer = once(worker, 'message');
    worker.postMessage(cut, transferables([cut.front, cut.back, cut.keys.words, cut.keys.offset]));
    // The keeper answers with this alone, once a cut.
    const [{ failure }] = (await answer) as [Kept];
    if (failure !== null) throw errorOf(failure);
  };
}

/** The memory of arrays that their sender needs no more. */
function transferables(arrays: readonly ArrayBufferView[]): ArrayBuffer[] {
  return arrays.flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
}

/** The texts of a packed front, which the back speaks in too. */
function textsOf(packedFront: Uint8Array): Uint8Array {
  // What the front packed, behind the checkpoint's checksum.
  const { texts } = deserialize(packedFront) as PackedFront;
  return texts;
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
