import { join } from 'node:path';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import type { Owner } from '../adapters/files/owner-lock.ts';
import { type Back, type BackRest, createBack, restOfBack, runBack } from '../core/columnar-pipeline.ts';
import { createColumnSpace, measureLayout } from '../core/decode/column-space.ts';
import { countAt, operations } from '../core/decode/event-columns.ts';
import type { Interner } from '../core/decode/interner.ts';
import { createPageBook } from '../core/engine/pages.ts';
import type { ForeignReads } from '../core/features/columnar-foreign.ts';
import type { SettledColumns } from '../core/features/columnar-settled.ts';
import type { Decision } from '../core/score/decision.ts';
import { createDecisionViewText, type DecisionViewText } from '../core/score/decision-view-text.ts';
import {
  createDecisionValues,
  type DecisionValues,
  type DecisionValueWriter,
  noDecisionValues,
} from '../core/score/decision-values.ts';
import { layOutDecisions } from '../core/score/decision-columns.ts';
import { materialise } from '../core/score/materialise.ts';
import { columnarLedgerTotals } from '../core/sinks/columnar-ledger-state.ts';
import { createDecisionPacker } from '../core/sinks/decision-block.ts';
import { type Counts, countUp, type DeadLetter } from '../core/sinks/effects.ts';
import type { LedgerTotals } from '../core/sinks/ledger-totals.ts';
import type { Rare } from '../core/steps/columnar-front.ts';
import type { BatchSlot } from './batch-slot.ts';
import { type ColumnarJournal, openColumnarJournal, type RecordedDecisions } from './columnar-journal.ts';
import type { ColumnarWeir } from './columnar-weir.ts';
import { adoptRecorded } from './adopt-recorded.ts';
import type { LakeWriter } from './lake-writer.ts';
import { assertStateFits } from './state-limit.ts';
import { createStateParts, type LoadedHalf, type PartSink, type StateParts } from './state-part.ts';

/**
 * Which decisions are told of a batch: the last declines or all as objects; all as the values of records, or as the text to
 * answer, or as that and one of the others.
 */
export type Tells = 'declines' | 'all' | 'values' | 'answers' | 'allAndAnswers' | 'valuesAndAnswers';

/** Decisions of a batch, as it was asked to tell them. */
export type Told = {
  readonly decisions: readonly Decision[];
  /** They hold until the next batch is taken. */
  readonly values: DecisionValues;
  readonly answers: readonly DecisionViewText[];
  /** What of the batch was refused. */
  readonly deadLetters: readonly DeadLetter[];
};

/** A batch as the front hands it on. */
export type HandedBatch = {
  readonly slot: Pick<BatchSlot, 'columns' | 'values' | 'reads'>;
  readonly settled: SettledColumns;
  readonly rare: Rare;
  /** The offset after the batch's last record. */
  readonly endOffset: number;
};

export type BackShellOptions = {
  readonly dir: string;
  readonly weir: ColumnarWeir;
  readonly interner: Interner;
  /** From a checkpoint at `fromOffset`; null begins anew. */
  readonly loaded: LoadedHalf | null;
  readonly counts: Counts;
  readonly fromOffset: number;
  readonly batchRecordsMax: number;
  readonly cutRecords: number;
  /** Of the topic, as decisions name it. */
  readonly partition?: number | undefined;
  readonly recorded: RecordedDecisions;
  readonly owner: Pick<Owner, 'epoch' | 'assertOwner'>;
  /** Takes what comes of batches, and keeps the cuts of it. */
  readonly lake: LakeWriter;
  readonly sink: PartSink;
  readonly tells: Tells;
  /** Bytes that the half's state may take. */
  readonly stateBytesMax: number;
  readonly disk?: Disk;
};

/** The back with its surroundings: it writes the journal, and hands on what the lake is to have. */
export class BackShell {
  readonly #disk: Disk;
  readonly counts: Counts;
  nextOffset: number;
  readonly parts: Pick<StateParts, 'slice' | 'isOpen'>;
  readonly #parts: StateParts;
  readonly #options: BackShellOptions;
  readonly #back: Back;
  #journal: ColumnarJournal;
  readonly #packDecisions = createDecisionPacker();
  /** Journals of cuts that are not kept yet. */
  #endedJournals: readonly ColumnarJournal[] = [];
  readonly #values: DecisionValueWriter;
  readonly #viewOf: ReturnType<typeof createDecisionViewText>;
  readonly #decisions: ReturnType<typeof createDecisions>;
  #cutOffset: number;

  /** Leftovers of unfinished cuts are gone already. */
  constructor(options: BackShellOptions) {
    const { dir, weir, interner, loaded, counts, fromOffset, batchRecordsMax, disk = realDisk } = options;
    this.#disk = disk;
    const { plan, scoring } = weir.options;
    this.counts = counts;
    this.nextOffset = fromOffset;
    this.#options = options;
    // What `endCut` wrote, behind the checkpoint's checksum.
    const rest = loaded === null ? undefined : (loaded.rest as BackRest);
    const book = createPageBook(loaded?.images);
    this.#back = createBack({ ...weir.options, interner }, { book, rest });
    const batchesOfCut = options.cutRecords / batchRecordsMax;
    const { sink, owner } = options;
    this.#parts = createStateParts({
      half: 'back',
      epoch: owner.epoch,
      book,
      interner: null,
      loaded,
      sink,
      batchesOfCut,
    });
    this.parts = this.#parts;
    this.#journal = openColumnarJournal(join(dir, 'journal'), fromOffset, disk);
    const { partition = 0 } = options;
    this.#values = createDecisionValues({ scoring, interner, partition, rowsMax: batchRecordsMax });
    const featureNames = plan.features.map(({ name }) => name);
    this.#viewOf = createDecisionViewText({ scoring, interner, featureNames });
    this.#decisions = createDecisions(batchRecordsMax, weir);
    this.#cutOffset = fromOffset;
  }

  /**
   * Decides and posts a batch, and writes its decisions to the journal, where `sync` makes them durable. Gives those that
   * are to be told.
   */
  take({ slot, settled, rare, endOffset }: HandedBatch): Told {
    assertStateFits(this.#back.book, { half: 'back', stateBytesMax: this.#options.stateBytesMax });
    const { recorded, weir, owner } = this.#options;
    const { columns, values } = slot;
    const { made, adopted } = this.#decisions;
    // The rows that are adopted get what their decisions read, with the rest of them.
    copyReads(slot.reads, made);
    const kept = recorded.count === 0 ? {} : { recorded: adoptRecorded(recorded, columns, adopted) };
    const entries = runBack(this.#back, { columns, values, out: made, ...kept }, rare);
    const decided = { columns, values, featureCount: weir.options.plan.features.length, decisions: made };
    const block = this.#packDecisions(decided);
    if (block !== null) owner.assertOwner();
    if (block !== null) this.#journal.keep(block, columns.firstOffset[0]!);
    this.#options.lake.add({ decided, settled, entries, rare });
    for (const [name, by] of rare.counts) countUp(this.counts, name, by);
    this.nextOffset = endOffset;
    return { ...this.#told(slot), deadLetters: rare.deadLetters };
  }

  sync(): void {
    this.#journal.sync();
  }

  /** As `sync`, without waiting for the disk. */
  async syncSoon(): Promise<void> {
    await Promise.all([this.#journal, ...this.#endedJournals].map((journal) => this.#syncJournal(journal)));
  }

  async #syncJournal(journal: ColumnarJournal): Promise<void> {
    await journal.syncSoon().catch((error: unknown) => {
      // One whose cut was kept meanwhile is gone.
      if (journal === this.#journal || this.#endedJournals.includes(journal)) throw error;
    });
  }

  /** No record came since the cut began. */
  isCutEmpty(): boolean {
    return this.nextOffset === this.#cutOffset;
  }

  /**
   * Ends the open cut and begins the next; the front begins its part of the cut too. What it gives back resolves once
   * recovery would begin from the cut's end: sinks first, then ids, then both halves of the state, which `parts` go on
   * to write. Something must be open.
   */
  endCut(): Promise<number> {
    const endOffset = this.nextOffset;
    const { owner, dir, lake } = this.#options;
    owner.assertOwner();
    const journal = this.#journal;
    this.#parts.begin(endOffset, restOfBack(this.#back));
    this.#endedJournals = [...this.#endedJournals, journal];
    this.#journal = openColumnarJournal(join(dir, 'journal'), endOffset, this.#disk);
    this.#cutOffset = endOffset;
    return this.#leaveJournal(journal, lake.endCut({ endOffset, counts: new Map(this.counts) }), endOffset);
  }

  async #leaveJournal(journal: ColumnarJournal, keeping: Promise<void>, endOffset: number): Promise<number> {
    await keeping;
    this.#endedJournals = this.#endedJournals.filter((ended) => ended !== journal);
    // What a crash left of records after the cut is still to be adopted.
    if (this.#options.recorded.endOffset <= endOffset) journal.remove();
    else journal.close();
    return endOffset;
  }

  ledgerTotals(): LedgerTotals {
    return columnarLedgerTotals(this.#back.state.ledger);
  }

  async close(): Promise<void> {
    this.#journal.close();
    await this.#options.lake.close();
  }

  #told({ columns, values }: HandedBatch['slot']): Omit<Told, 'deadLetters'> {
    const { tells, weir, interner, partition = 0 } = this.#options;
    const { scoring } = weir.options;
    const decisions = this.#decisions.made;
    const told: Decision[] = [];
    const answers: DecisionViewText[] = [];
    const rows = columns.counts[countAt.rows]!;
    this.#values.begin();
    for (let row = 0; row < rows; row++) {
      if (columns.op[row] !== operations.authorization) continue;
      if (tells === 'declines' && decisions.outcome[row] !== declined) continue;
      if (answering.has(tells)) answers.push(this.#viewOf({ columns, values, decisions }, row));
      if (tells === 'answers') continue;
      if (ofValues.has(tells)) this.#values.add({ columns, values, decisions }, row);
      else told.push(materialise({ scoring, columns, interner, values, decisions, partition, row }));
    }
    const written = ofValues.has(tells) ? this.#values.end() : noDecisionValues;
    return { decisions: tells === 'declines' ? told.slice(-declinesToldMax) : told, values: written, answers };
  }
}

const answering: ReadonlySet<Tells> = new Set(['answers', 'allAndAnswers', 'valuesAndAnswers']);
const ofValues: ReadonlySet<Tells> = new Set(['values', 'valuesAndAnswers']);

function copyReads(from: ForeignReads, to: ForeignReads): void {
  to.foreignOffset.set(from.foreignOffset);
  to.foreignAgeMs.set(from.foreignAgeMs);
}

const declined = 3;
const declinesToldMax = 5;

function createDecisions(rowsMax: number, { ruleCount, options }: ColumnarWeir) {
  const shape = { rowsMax, ruleCount, foreignCount: options.foreign?.length ?? 0 };
  const layOut = (space: Parameters<typeof layOutDecisions>[0]) => ({
    made: layOutDecisions(space, shape),
    adopted: layOutDecisions(space, shape),
  });
  return layOut(createColumnSpace(new ArrayBuffer(measureLayout(layOut))));
}
