import { deserialize, serialize } from 'node:v8';
import { LogTail } from '../adapters/files/log-tail.ts';
import { createFront, type FrontEffects, runFront } from '../core/columnar-pipeline.ts';
import { createInterner, type Interner } from '../core/decode/interner.ts';
import { exportFrom } from '../core/decode/interner-transfer.ts';
import { createLogBlock } from '../core/decode/log-block.ts';
import { compactColumnarFeatures } from '../core/features/columnar-settle.ts';
import { skewOf } from '../core/features/columnar-skew.ts';
import type { FeatureSkew } from '../core/features/skew.ts';
import { forgetRemembered } from '../core/steps/columnar-admission.ts';
import { notAccepted } from '../core/steps/columnar-front.ts';
import { packFront, type PackedFront, unpackFront, unpackInterner } from '../core/steps/columnar-pack.ts';
import type { BatchSlot } from './batch-slot.ts';
import { openColumnarKnownIds } from './columnar-known-ids.ts';
import type { RecordedDecisions } from './columnar-journal.ts';
import type { ColumnarWeir } from './columnar-weir.ts';

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
  /** The state in bytes, for a checkpoint. */
  readonly pack: () => Uint8Array<ArrayBuffer>;
  /** Everything before this offset is in the lake and in the index of ids. */
  readonly noteCommitted: (offset: number) => void;
  readonly totals: () => { readonly watermarkMs: number; readonly skew: FeatureSkew };
  readonly close: () => void;
};

export type FrontShellOptions = {
  readonly logDir: string;
  readonly keysDir: string;
  readonly weir: ColumnarWeir;
  /** From a checkpoint at `fromOffset`; null begins anew. */
  readonly packed: Uint8Array | null;
  readonly fromOffset: number;
  readonly verifyBelowOffset: number;
  readonly cutRecords: number;
  readonly batchRecordsMax: number;
  readonly recorded: RecordedDecisions;
};

/** Opens the front over the log and the index of an output directory. */
export function openFrontShell(options: FrontShellOptions): FrontShell {
  const { logDir, keysDir, weir, packed, fromOffset, cutRecords, batchRecordsMax, recorded } = options;
  // What `pack` wrote, behind the checkpoint's checksum.
  const saved = packed === null ? null : (deserialize(packed) as PackedFront);
  const interner = saved === null ? createInterner() : unpackInterner(saved.texts);
  const front = createFront({ ...weir.options, interner }, saved === null ? undefined : unpackFront(saved));
  const { admission, windows } = front.state;
  const log = new LogTail({ dir: logDir, fromOffset, verifyBelowOffset: options.verifyBelowOffset });
  const ids = openColumnarKnownIds(keysDir, batchRecordsMax);
  const block = createLogBlock({ recordsMax: batchRecordsMax, partition: 0 });
  let toldTexts = interner.size;
  let committedOffset = fromOffset;

  function take(endOffset: number, { columns, values }: BatchSlot): FrontBatchResult | null {
    const cutEndOffset = (Math.floor(log.nextOffset / cutRecords) + 1) * cutRecords;
    log.read(block, Math.min(endOffset, cutEndOffset));
    if (block.count === 0) return null;
    const adopt = recorded.count === 0 ? undefined : adoptFrom(recorded);
    const effects = runFront(front, { block, columns, values, lookUp: ids.lookUp, adopt });
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
    pack: () => {
      compactColumnarFeatures(front.features, windows);
      return serialize(packFront(front));
    },
    noteCommitted: (offset) => {
      if (offset === committedOffset) return;
      committedOffset = offset;
      ids.refresh();
    },
    totals: () => ({ watermarkMs: admission.stateMs, skew: skewOf(weir.options.plan, windows.skew) }),
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
