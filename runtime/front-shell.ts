import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { LogTail } from '../adapters/files/log-tail.ts';
import {
  createFront,
  type FrontEffects,
  type FrontRest,
  restOfFront,
  runFront,
  watermarkMsOf,
} from '../core/columnar-pipeline.ts';
import { createInterner, type Interner } from '../core/decode/interner.ts';
import { exportFrom } from '../core/decode/interner-transfer.ts';
import { createLogBlock } from '../core/decode/log-block.ts';
import { createPageBook } from '../core/engine/pages.ts';
import type { ReadView } from '../core/features/columnar-foreign.ts';
import { skewOf } from '../core/features/columnar-skew.ts';
import { refusedByKeyOf } from '../core/features/refused-keys.ts';
import { forgetRemembered } from '../core/steps/columnar-admission.ts';
import { notAccepted } from '../core/steps/columnar-front.ts';
import type { BatchSlot } from './batch-slot.ts';
import { openColumnarKnownIds } from './columnar-known-ids.ts';
import type { RecordedDecisions } from './columnar-journal.ts';
import type { ColumnarWeir } from './columnar-weir.ts';
import type { WindowTotals } from './scoring.ts';
import { assertStateFits } from './state-limit.ts';
import { createStateParts, importLoadedTexts, type LoadedHalf, type PartSink, type StateParts } from './state-part.ts';

/** What came of one batch in the front. */
export type FrontBatchResult = FrontEffects & {
  readonly endOffset: number;
  /** The batch ends a cut: the state is to be kept as it now is. */
  readonly endsCut: boolean;
};

/** The front with its surroundings: it reads the log and asks the index of ids. */
export type FrontShell = {
  readonly interner: Interner;
  readonly nextOffset: () => number;
  /** Takes the next records into a slot, up to `endOffset`, which the log must have; null when there are none. */
  readonly take: (endOffset: number, slot: BatchSlot) => FrontBatchResult | null;
  /** The texts that were interned since the last call; null when there are none. */
  readonly newTexts: () => Uint8Array | null;
  /** Begins the part of the state of the cut that ends here. */
  readonly beginCut: () => void;
  readonly parts: Pick<StateParts, 'slice' | 'isOpen'>;
  /** Everything before this offset is in the lake and in the index of ids. */
  readonly noteCommitted: (offset: number) => void;
  readonly totals: () => WindowTotals;
  readonly close: () => void;
};

export type FrontShellOptions = {
  readonly logDir: string;
  readonly keysDir: string;
  readonly weir: ColumnarWeir;
  /** From a checkpoint at `fromOffset`; null begins anew. */
  readonly loaded: LoadedHalf | null;
  readonly epoch: number;
  readonly sink: PartSink;
  readonly fromOffset: number;
  readonly verifyBelowOffset: number;
  readonly cutRecords: number;
  readonly batchRecordsMax: number;
  readonly recorded: RecordedDecisions;
  /** Where views of foreign keys are read. */
  readonly readView?: ReadView | undefined;
  /** Bytes that the half's state may take. */
  readonly stateBytesMax: number;
  readonly disk?: Disk;
};

/** Opens the front over the log and the index of an output directory. */
export function openFrontShell(options: FrontShellOptions): FrontShell {
  const { logDir, keysDir, weir, loaded, fromOffset, cutRecords, batchRecordsMax, recorded } = options;
  const { disk = realDisk, verifyBelowOffset, readView } = options;
  const interner = createInterner();
  if (loaded !== null) importLoadedTexts(interner, loaded);
  // What `beginCut` wrote, behind the checkpoint's checksum.
  const rest = loaded === null ? undefined : (loaded.rest as FrontRest);
  const front = createFront({ ...weir.options, interner }, { book: createPageBook(loaded?.images), rest });
  const { book } = front;
  const batchesOfCut = cutRecords / batchRecordsMax;
  const { epoch, sink } = options;
  const parts = createStateParts({ half: 'front', epoch, book, interner, loaded, sink, batchesOfCut });
  const { admission, windows } = front.state;
  const log = new LogTail({ dir: logDir, fromOffset, verifyBelowOffset, disk });
  const ids = openColumnarKnownIds(keysDir, batchRecordsMax, disk);
  const block = createLogBlock({ recordsMax: batchRecordsMax, partition: 0 });
  let toldTexts = interner.size;
  let committedOffset = fromOffset;

  function take(endOffset: number, { columns, values, reads }: BatchSlot): FrontBatchResult | null {
    const cutEndOffset = (Math.floor(log.nextOffset / cutRecords) + 1) * cutRecords;
    log.read(block, Math.min(endOffset, cutEndOffset));
    if (block.count === 0) return null;
    assertStateFits(book, { half: 'front', stateBytesMax: options.stateBytesMax });
    const adopt = recorded.count === 0 ? undefined : adoptFrom(recorded);
    const effects = runFront(front, { block, columns, values, lookUp: ids.lookUp, adopt, readView, reads });
    ids.add(columns, (row) => columns.lateness[row] !== notAccepted);
    forgetRemembered(admission, committedOffset);
    const next = log.nextOffset;
    return { ...effects, endOffset: next, endsCut: next === cutEndOffset };
  }

  return {
    interner,
    nextOffset: () => log.nextOffset,
    take,
    newTexts: () => {
      if (toldTexts === interner.size) return null;
      const texts = exportFrom(interner, toldTexts);
      toldTexts = interner.size;
      return texts;
    },
    beginCut: () => parts.begin(log.nextOffset, restOfFront(front)),
    parts,
    noteCommitted: (offset) => {
      if (offset === committedOffset) return;
      committedOffset = offset;
      ids.refresh();
    },
    totals: () => {
      const { plan } = weir.options;
      const refusedByKey = refusedByKeyOf(plan, windows.gaps);
      return { watermarkMs: watermarkMsOf(front), skew: skewOf(plan, windows.skew), refusedByKey };
    },
    close: () => log.close(),
  };
}

function adoptFrom(recorded: RecordedDecisions) {
  return (offset: number, values: Float64Array, at: number): boolean => {
    const found = recorded.find(offset);
    if (found === null) return false;
    const width = found.block.shape[1]!;
    values.set(found.block.values.subarray(found.row * width, (found.row + 1) * width), at);
    return true;
  };
}
