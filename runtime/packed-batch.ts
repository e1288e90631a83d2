import { type ColumnSpace, createColumnSpace, measureLayout } from '../core/decode/column-space.ts';
import { rowTextBytesMax } from '../core/decode/compile-decoder.ts';
import { countAt, layOutEvents } from '../core/decode/event-columns.ts';
import { layOutSettled, type SettledRoom } from '../core/features/settled-copy.ts';
import { layOutDecisions } from '../core/score/decision-columns.ts';
import { layOutLedger, type LedgerRoom } from '../core/sinks/columnar-ledger-entries.ts';
import type { ColumnarWeir } from './columnar-weir.ts';
import type { LakeBatch } from './lake-writer.ts';
import { columnsToAppend, type Spans } from './append-columns.ts';

/** What came of batches in memory of its own: for another thread. */
export type PackedBatch = {
  readonly buffer: ArrayBuffer;
  readonly room: PackedRoom;
  readonly settledRows: number;
  /** Objects that go beside the columns; null where there are none, as nearly always. */
  readonly rare: Rare | null;
};

type Rare = LakeBatch['rare'] & Pick<LakeBatch['entries'], 'chainBlocks'>;

/** How much a packed batch has room for. */
type PackedRoom = {
  readonly rows: number;
  readonly textBytes: number;
  readonly settled: Omit<SettledRoom, 'featureCount'>;
  readonly entries: LedgerRoom;
};

/** Gathers what comes of batches, however small, until it is worth a message. */
export type BatchPacker = {
  /** Copies what came of a batch; gives what is full, in order. */
  readonly add: (batch: LakeBatch) => PackedBatch[];
  /** Gives what has been gathered; null when there is nothing. */
  readonly take: () => PackedBatch | null;
};

const rowsMin = 512;

/** Makes a packer without batches. */
export function createBatchPacker(weir: ColumnarWeir): BatchPacker {
  let open: OpenBatch | null = null;
  const take = (): PackedBatch | null => {
    const packed = open?.close() ?? null;
    open = null;
    return packed;
  };
  return {
    take,
    add: (batch) => {
      if (open?.add(batch) === true) return [];
      const full = take();
      open = openBatch(weir, roomFor(batch));
      if (!open.add(batch)) throw new RangeError('got a batch beyond the room that was made for it');
      return full === null ? [] : [full];
    },
  };
}

/** Views of what was packed. */
export function unpackBatch(weir: ColumnarWeir, { buffer, room, settledRows, rare }: PackedBatch): LakeBatch {
  const { decided, settled, entries } = layOut(createColumnSpace(buffer), { weir, room });
  settled.rowCount = settledRows;
  const { deadLetters = [], lateEvents = [], chainBlocks = [] } = rare ?? {};
  return {
    decided,
    settled,
    entries: { segments: entries.counts[0]! > 0 ? [entries] : [], chainBlocks },
    rare: { deadLetters, lateEvents },
  };
}

function roomFor(batch: LakeBatch): PackedRoom {
  const { rows, textBytes, settledRows, settledTextBytes, entryRows, entryTextBytes } = sizesOf(batch);
  const rowsMax = Math.max(rowsMin, rows);
  return {
    rows: rowsMax,
    textBytes: Math.max(textBytes, rowsMin * rowTextBytesMax),
    settled: {
      rowsMax: Math.max(settledRows, rowsMin * 2),
      textBytesMax: Math.max(settledTextBytes, rowsMin * rowTextBytesMax),
    },
    entries: {
      rowsMax: Math.max(entryRows, rowsMin * 2),
      textBytesMax: Math.max(entryTextBytes, rowsMin * rowTextBytesMax),
    },
  };
}

function sizesOf({ decided, settled, entries }: LakeBatch) {
  const { counts } = decided.columns;
  const sumOf = (at: number): number => entries.segments.reduce((sum, segment) => sum + segment.counts[at]!, 0);
  return {
    rows: counts[countAt.rows]!,
    textBytes: counts[countAt.textBytes]!,
    settledRows: settled.rowCount,
    settledTextBytes: settled.textBytes,
    entryRows: sumOf(0),
    entryTextBytes: sumOf(1),
  };
}

type OpenBatch = {
  /** False when there is no room for it. */
  readonly add: (batch: LakeBatch) => boolean;
  readonly close: () => PackedBatch;
};

const eventSpans: Spans = { text: 'text', ids: ['eventIdStart', 'eventIdEnd', 'targetIdStart', 'targetIdEnd'] };
const settledSpans: Spans = { text: 'text', ids: ['eventIdStart', 'eventIdEnd'] };
const entrySpans: Spans = { text: 'text', ids: ['authorizationIdStart', 'authorizationIdEnd'] };

function openBatch(weir: ColumnarWeir, room: PackedRoom): OpenBatch {
  const buffer = new ArrayBuffer(measureLayout((space) => layOut(space, { weir, room })));
  const { decided, settled, entries } = layOut(createColumnSpace(buffer), { weir, room });
  const { columns, decisions, values } = decided;
  const events = columnsToAppend(columns, { rowsMax: room.rows, spans: eventSpans });
  const made = columnsToAppend(decisions, { rowsMax: room.rows, spans: null });
  const vectors = columnsToAppend({ values }, { rowsMax: room.rows, spans: null });
  const rowsSettled = columnsToAppend(settled, { rowsMax: room.settled.rowsMax, spans: settledSpans });
  const posted = columnsToAppend(entries, { rowsMax: room.entries.rowsMax, spans: entrySpans });
  let rare: Rare | null = null;
  return {
    add: (batch) => {
      const more = sizesOf(batch);
      const fits =
        events.fits(more.rows, more.textBytes) &&
        rowsSettled.fits(more.settledRows, more.settledTextBytes) &&
        posted.fits(more.entryRows, more.entryTextBytes);
      if (!fits) return false;
      if (events.rows() === 0) columns.firstOffset[0] = batch.decided.columns.firstOffset[0]!;
      events.append(batch.decided.columns, more.rows, more.textBytes);
      made.append(batch.decided.decisions, more.rows, 0);
      vectors.append({ values: batch.decided.values }, more.rows, 0);
      rowsSettled.append(batch.settled, more.settledRows, more.settledTextBytes);
      for (const segment of batch.entries.segments) posted.append(segment, segment.counts[0]!, segment.counts[1]!);
      rare = withRare(rare, batch);
      return true;
    },
    close: () => {
      columns.counts[countAt.rows] = events.rows();
      columns.counts[countAt.textBytes] = events.textBytes();
      entries.counts[0] = posted.rows();
      entries.counts[1] = posted.textBytes();
      return { buffer, room, settledRows: rowsSettled.rows(), rare };
    },
  };
}

function withRare(rare: Rare | null, { entries, rare: more }: LakeBatch): Rare | null {
  const { chainBlocks } = entries;
  if (more.deadLetters.length + more.lateEvents.length + chainBlocks.length === 0) return rare;
  return {
    deadLetters: [...(rare?.deadLetters ?? []), ...more.deadLetters],
    lateEvents: [...(rare?.lateEvents ?? []), ...more.lateEvents],
    chainBlocks: [...(rare?.chainBlocks ?? []), ...chainBlocks],
  };
}

function layOut(space: ColumnSpace, { weir, room }: { readonly weir: ColumnarWeir; readonly room: PackedRoom }) {
  const { layout, plan, foreign = [] } = weir.options;
  const featureCount = plan.features.length;
  const { rows, textBytes } = room;
  return {
    decided: {
      columns: layOutEvents(space, { layout, rowsMax: rows, textBytesMax: textBytes }),
      decisions: layOutDecisions(space, { rowsMax: rows, ruleCount: weir.ruleCount, foreignCount: foreign.length }),
      values: space.float64(rows * featureCount),
    },
    settled: layOutSettled(space, { featureCount, ...room.settled }),
    entries: layOutLedger(space, room.entries),
  };
}
