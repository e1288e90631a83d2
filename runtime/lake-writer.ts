import { join } from 'node:path';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import type { LakeCut } from '../adapters/files/lake-cut.ts';
import { openLake } from '../adapters/files/lake.ts';
import type { Owner } from '../adapters/files/owner-lock.ts';
import type { Interner } from '../core/decode/interner.ts';
import type { SettledColumns } from '../core/features/columnar-settled.ts';
import type { TakenEntries } from '../core/sinks/columnar-ledger.ts';
import type { DecidedColumns } from '../core/sinks/columnar-tables-decisions.ts';
import { createColumnarTables, type TableColumns } from '../core/sinks/columnar-tables.ts';
import { type Counts, createEffects } from '../core/sinks/effects.ts';
import type { TableSchema } from '../core/sinks/table-schema.ts';
import { lakeRows, lakeTables } from '../core/sinks/tables.ts';
import type { Rare } from '../core/steps/columnar-front.ts';
import type { ColumnarWeir } from './columnar-weir.ts';
import type { KeptCut } from './cut-keeper.ts';
import { createKeyCollector } from './key-collector.ts';

/** What came of a batch, on its way into the lake and the index of ids. Nothing of it is kept after the call that took it. */
export type LakeBatch = {
  readonly decided: DecidedColumns;
  readonly settled: SettledColumns;
  readonly entries: TakenEntries;
  readonly rare: Pick<Rare, 'deadLetters' | 'lateEvents'>;
};

/** A cut that ends before an offset, and what was counted until there. */
export type EndingCut = { readonly endOffset: number; readonly counts: Counts };

/** Writes what comes of batches into the lake, in this thread or in another, and keeps the cuts of it. */
export type LakeWriter = {
  readonly add: (batch: LakeBatch) => void;
  /**
   * Ends the open cut and begins the next. Resolves once recovery would begin from its end: files of the lake first, then
   * ids, then both halves of the state, which go on to be written, all of it not before its records are `durable`. Rejects
   * with `DISK_FULL`, `FENCED`.
   */
  readonly endCut: (cut: EndingCut, durable?: Promise<void>) => Promise<void>;
  /** Throws what no cut has away. */
  readonly close: () => Promise<void>;
};

export type LakeWriterOptions = {
  readonly dir: string;
  readonly weir: ColumnarWeir;
  /** Has the texts of every batch that is added. */
  readonly interner: Interner;
  /** Of the topic, as decisions name it. */
  readonly partition: number;
  readonly fromOffset: number;
  readonly owner: Pick<Owner, 'epoch' | 'assertOwner'>;
  /** Writes what makes a cut the one that recovery begins from. */
  readonly keep: (cut: KeptCut) => Promise<void>;
  readonly disk?: Disk;
};

/** Writes the lake in this thread. */
export function createLakeWriter(options: LakeWriterOptions): LakeWriter {
  const { dir, weir, interner, partition, owner, keep, disk = realDisk } = options;
  const { plan, scoring } = weir.options;
  const lake = openLake({ dir: join(dir, 'lake'), disk, epoch: owner.epoch });
  const schemas = lakeTables(plan);
  const tables = createColumnarTables({ scoring, interner, partition });
  const keys = createKeyCollector();
  let cut = lake.openCut(options.fromOffset);

  function append(schema: TableSchema, { columns, rows, rowCount }: TableColumns): void {
    if (rowCount > 0) cut.table(schema).appendSelected(columns, rows, rowCount);
  }

  function appendRare({ rare, entries }: LakeBatch): void {
    const { deadLetters, lateEvents } = rare;
    const effects = { ...createEffects(), deadLetters, lateEvents, chainBlocks: [...entries.chainBlocks] };
    for (const [schema, rows] of lakeRows(schemas, plan, effects)) {
      if (rows.length > 0) cut.table(schema).appendRows(rows);
    }
  }

  return {
    add: (batch) => {
      append(schemas.decisions, tables.decisions(batch.decided));
      append(schemas.features, tables.features(batch.settled));
      for (const segment of batch.entries.segments) append(schemas.ledger, tables.ledger(segment));
      appendRare(batch);
      keys.add(batch.decided.columns);
    },
    endCut: async ({ endOffset, counts }, durable) => {
      const ended: LakeCut = cut;
      const kept = { startOffset: ended.startOffset, endOffset, keys: keys.take(), counts };
      cut = lake.openCut(endOffset);
      await ended.finish(endOffset, owner.assertOwner);
      await durable;
      owner.assertOwner();
      await keep(kept);
    },
    close: async () => cut.abandon(),
  };
}
