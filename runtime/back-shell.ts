import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { LakeCut } from '../adapters/files/lake-cut.ts';
import { type Lake, openLake } from '../adapters/files/lake.ts';
import type { Owner } from '../adapters/files/owner-lock.ts';
import { type Back, createBack, runBack } from '../core/columnar-pipeline.ts';
import { createColumnSpace, measureLayout } from '../core/decode/column-space.ts';
import { countAt, operations } from '../core/decode/event-columns.ts';
import type { Interner } from '../core/decode/interner.ts';
import type { SettledColumns } from '../core/features/columnar-settled.ts';
import type { Decision } from '../core/score/decision.ts';
import { layOutDecisions } from '../core/score/decision-columns.ts';
import { materialise } from '../core/score/materialise.ts';
import { columnarLedgerTotals } from '../core/sinks/columnar-ledger-state.ts';
import type { TakenEntries } from '../core/sinks/columnar-ledger.ts';
import { type ColumnarTables, createColumnarTables, type TableColumns } from '../core/sinks/columnar-tables.ts';
import { packDecisions } from '../core/sinks/decision-block.ts';
import { type Counts, countUp, createEffects } from '../core/sinks/effects.ts';
import type { LedgerTotals } from '../core/sinks/ledger-totals.ts';
import { lakeRows, type LakeTables, lakeTables } from '../core/sinks/tables.ts';
import type { TableSchema } from '../core/sinks/table-schema.ts';
import type { Rare } from '../core/steps/columnar-front.ts';
import { packBack, type PackedBack, unpackBack } from '../core/steps/columnar-pack.ts';
import type { BatchSlot } from './batch-slot.ts';
import { type ColumnarJournal, openColumnarJournal, type RecordedDecisions } from './columnar-journal.ts';
import type { ColumnarWeir } from './columnar-weir.ts';
import { adoptRecorded } from './adopt-recorded.ts';
import type { KeptCut } from './cut-keeper.ts';
import { createKeyCollector } from './key-collector.ts';

/** A batch as the front hands it on. */
export type HandedBatch = {
  readonly slot: Pick<BatchSlot, 'columns' | 'values'>;
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
  readonly packed: Uint8Array | null;
  readonly counts: Counts;
  readonly fromOffset: number;
  readonly batchRecordsMax: number;
  readonly recorded: RecordedDecisions;
  readonly owner: Pick<Owner, 'epoch' | 'assertOwner'>;
  /** Writes what makes a cut the one that recovery begins from. */
  readonly keep: (cut: KeptCut) => Promise<void>;
  /** Which decisions `take` tells as objects. */
  readonly tells: 'declines' | 'all';
};

/** The back with its surroundings: it writes journal, lake, index and checkpoint into an output directory. */
export class BackShell {
  readonly counts: Counts;
  nextOffset: number;
  readonly #options: BackShellOptions;
  readonly #back: Back;
  readonly #lake: Lake;
  #journal: ColumnarJournal;
  readonly #keys = createKeyCollector();
  readonly #schemas: LakeTables;
  readonly #tables: ColumnarTables;
  readonly #decisions: ReturnType<typeof createDecisions>;
  #cut: LakeCut;

  /** Leftovers of unfinished cuts are gone already. */
  constructor(options: BackShellOptions) {
    const { dir, weir, interner, packed, counts, fromOffset, batchRecordsMax } = options;
    const { plan, scoring, layout } = weir.options;
    // What `commit` wrote, behind the checkpoint's checksum.
    const saved = packed === null ? undefined : (deserialize(packed) as PackedBack);
    this.counts = counts;
    this.nextOffset = fromOffset;
    this.#options = options;
    this.#back = createBack(
      { ...weir.options, interner },
      saved === undefined ? undefined : unpackBack(saved, { interner, layout }),
    );
    this.#lake = openLake({ dir: join(dir, 'lake') });
    this.#journal = openColumnarJournal(join(dir, 'journal'), fromOffset);
    this.#schemas = lakeTables(plan);
    this.#tables = createColumnarTables({ scoring, interner, partition: 0 });
    this.#decisions = createDecisions(batchRecordsMax, weir.ruleCount);
    this.#cut = this.#lake.openCut(fromOffset);
  }

  /**
   * Decides and posts a batch, and writes its decisions to the journal, where `sync` makes them durable. Gives those that
   * are to be told.
   */
  take({ slot, settled, rare, endOffset }: HandedBatch): readonly Decision[] {
    const { recorded, weir } = this.#options;
    const { columns, values } = slot;
    const { made, adopted } = this.#decisions;
    const kept = recorded.count === 0 ? {} : { recorded: adoptRecorded(recorded, columns, adopted) };
    const taken = runBack(this.#back, { columns, values, out: made, ...kept }, rare);
    const decided = { columns, values, featureCount: weir.options.plan.features.length, decisions: made };
    const block = packDecisions(decided);
    if (block !== null) this.#journal.keep(block, columns.firstOffset[0]!);
    this.#append(this.#schemas.decisions, this.#tables.decisions(decided));
    this.#append(this.#schemas.features, this.#tables.features(settled));
    for (const segment of taken.segments) this.#append(this.#schemas.ledger, this.#tables.ledger(segment));
    this.#appendRare(rare, taken);
    this.#keys.add(columns);
    for (const [name, by] of rare.counts) countUp(this.counts, name, by);
    this.nextOffset = endOffset;
    return this.#told(slot);
  }

  sync(): void {
    this.#journal.sync();
  }

  syncSoon(): Promise<void> {
    return this.#journal.syncSoon();
  }

  /**
   * Ends the open cut, with the front's state as it was at its end, and begins the next. What it gives back resolves once
   * recovery would begin from the cut's end: sinks first, then ids, then both halves of the state. Null: nothing is open.
   */
  endCut(packedFront: Uint8Array): Promise<number> | null {
    const startOffset = this.#cut.startOffset;
    const endOffset = this.nextOffset;
    if (endOffset === startOffset) return null;
    const { owner, dir } = this.#options;
    owner.assertOwner();
    const [cut, journal] = [this.#cut, this.#journal];
    const back = serialize(packBack(this.#back));
    const counts: Counts = new Map(this.counts);
    const offsets = { startOffset, endOffset };
    const kept = { dir, epoch: owner.epoch, ...offsets, keys: this.#keys.take(), front: packedFront, back, counts };
    this.#cut = this.#lake.openCut(endOffset);
    this.#journal = openColumnarJournal(join(dir, 'journal'), endOffset);
    return this.#keepCut({ cut, journal, kept });
  }

  async #keepCut({ cut, journal, kept }: EndedCut): Promise<number> {
    const { keep, owner } = this.#options;
    await cut.finish(kept.endOffset);
    owner.assertOwner();
    await keep(kept);
    journal.remove();
    return kept.endOffset;
  }

  ledgerTotals(): LedgerTotals {
    return columnarLedgerTotals(this.#back.state.ledger);
  }

  close(): void {
    this.#cut.abandon();
    this.#journal.close();
  }

  #append(schema: TableSchema, { columns, rows, rowCount }: TableColumns): void {
    if (rowCount > 0) this.#cut.table(schema).appendSelected(columns, rows, rowCount);
  }

  #appendRare({ deadLetters, lateEvents }: Rare, { chainBlocks }: TakenEntries): void {
    const effects = { ...createEffects(), deadLetters, lateEvents, chainBlocks: [...chainBlocks] };
    for (const [schema, rows] of lakeRows(this.#schemas, this.#options.weir.options.plan, effects)) {
      if (rows.length > 0) this.#cut.table(schema).appendRows(rows);
    }
  }

  #told({ columns, values }: HandedBatch['slot']): Decision[] {
    const { tells, weir, interner } = this.#options;
    const { scoring } = weir.options;
    const decisions = this.#decisions.made;
    const told: Decision[] = [];
    const rows = columns.counts[countAt.rows]!;
    for (let row = 0; row < rows; row++) {
      if (columns.op[row] !== operations.authorization) continue;
      if (tells === 'declines' && decisions.outcome[row] !== declined) continue;
      told.push(materialise({ scoring, columns, interner, values, decisions, partition: 0, row }));
    }
    return tells === 'all' ? told : told.slice(-declinesToldMax);
  }
}

type EndedCut = { readonly cut: LakeCut; readonly journal: ColumnarJournal; readonly kept: KeptCut };

const declined = 3;
const declinesToldMax = 5;

function createDecisions(rowsMax: number, ruleCount: number) {
  const layOut = (space: Parameters<typeof layOutDecisions>[0]) => ({
    made: layOutDecisions(space, { rowsMax, ruleCount }),
    adopted: layOutDecisions(space, { rowsMax, ruleCount }),
  });
  return layOut(createColumnSpace(new ArrayBuffer(measureLayout(layOut))));
}
