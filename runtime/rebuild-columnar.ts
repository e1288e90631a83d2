import { join } from 'node:path';
import { LogTail } from '../adapters/files/log-tail.ts';
import { createFront, type Front, restOfFront, runFront } from '../core/columnar-pipeline.ts';
import type { BackRest, ColumnarOptions } from '../core/columnar-pipeline.ts';
import { countAt, type EventColumns, operations } from '../core/decode/event-columns.ts';
import { createInterner, type Interner } from '../core/decode/interner.ts';
import { createLogBlock } from '../core/decode/log-block.ts';
import { createPageBook, type PageImage } from '../core/engine/pages.ts';
import { updateColumnarBaseline } from '../core/score/columnar-baselines.ts';
import { type ColumnarScoreState, createColumnarScoreState, restOfScore } from '../core/score/columnar-scorer.ts';
import { createColumnarLedger, restOfLedger } from '../core/sinks/columnar-ledger-state.ts';
import { forgetRemembered, type KnownRows, verdicts } from '../core/steps/columnar-admission.ts';
import type { Assembled } from './assemble.ts';
import { openSlot, slotBytes } from './batch-slot.ts';
import { openOutput } from './columnar-opening.ts';
import { type ColumnarWeir, columnarWeirOf } from './columnar-weir.ts';
import { CutKeeper, noParts } from './cut-keeper.ts';
import { type Rebuilding, unfinished } from './rebuild.ts';
import { createStateParts, importLoadedTexts, type LoadedHalf } from './state-part.ts';

/**
 * Makes the state of an output directory again for another definition, rules or model: windows, labels and customers'
 * normals by reading the log from its beginning to the last checkpoint, with nothing told and nothing written to a sink.
 * The ledger stays as it is: its entries derive from decisions that were made. The checkpoint is replaced at once, or not
 * at all; gives its offset, from which what was given decides. Throws `RUN_UNFINISHED`.
 */
export async function rebuildColumnar(rebuilding: Rebuilding & { readonly assembled: Assembled }): Promise<number> {
  const { dir, assembled, onProgress } = rebuilding;
  const weir = columnarWeirOf(assembled);
  const { owner, log, fromOffset, halves, counts, recorded } = openOutput(dir);
  try {
    if (recorded.count > 0) throw unfinished(dir, recorded.count);
    if (halves === null) return 0;
    const interner = createInterner();
    // Texts keep their numbers: the ledger goes by them.
    importLoadedTexts(interner, halves.front);
    const back = openBackState(weir, { interner, loaded: halves.back });
    const replay = openReplay({ ...weir.options, interner }, { dir, untilOffset: fromOffset, score: back.score });
    while (replay.takeBatch()) await onProgress?.({ offset: replay.nextOffset(), untilOffset: fromOffset });
    const front = replay.close();
    const { epoch } = owner;
    const keeper = new CutKeeper({ dir, owner, parts: noParts, definition: weir.definitionHash });
    for (const part of [
      { half: 'front', book: front.book, interner, rest: restOfFront(front) },
      { half: 'back', book: back.book, interner: null, rest: back.rest() },
    ] as const) {
      const sink = keeper.sinkOf(part.half);
      const parts = createStateParts({ ...part, epoch, loaded: null, sink, batchesOfCut: 1 });
      parts.begin(fromOffset, part.rest);
      parts.slice('all');
    }
    owner.assertOwner();
    await keeper.save({ endOffset: fromOffset, counts });
    return fromOffset;
  } finally {
    log.close();
    owner.release();
  }
}

const batchRecordsMax = 4096;

/** Reads the log into a front that forgets no id, so that it needs no index of them, and into customers' normals. */
function openReplay(
  options: ColumnarOptions,
  from: { readonly dir: string; readonly untilOffset: number; readonly score: ColumnarScoreState },
) {
  const { dir, untilOffset, score } = from;
  const { plan, layout } = options;
  const front = createFront(options);
  const featureCount = plan.features.length;
  const shape = { layout, featureCount, rowsMax: batchRecordsMax };
  const { columns, values } = openSlot(new ArrayBuffer(slotBytes(shape)), shape);
  const block = createLogBlock({ recordsMax: batchRecordsMax, partition: 0 });
  const known: KnownRows = {
    isKnown: new Uint8Array(batchRecordsMax),
    bodyHash: new Uint32Array(batchRecordsMax * 2),
    isTargetKnown: new Uint8Array(batchRecordsMax),
  };
  const log = new LogTail({ dir: join(dir, 'log'), fromOffset: 0, verifyBelowOffset: untilOffset });
  return {
    nextOffset: () => log.nextOffset,
    takeBatch: (): boolean => {
      log.read(block, untilOffset);
      if (block.count === 0) return false;
      runFront(front, { block, columns, values, lookUp: () => known });
      takeNormals(score, { columns, values, featureCount });
      return true;
    },
    close: (): Front => {
      log.close();
      forgetRemembered(front.state.admission, untilOffset);
      return front;
    },
  };
}

/** Takes the payments of a batch into their accounts' normals, as scoring them does. */
function takeNormals(
  score: ColumnarScoreState,
  batch: { readonly columns: EventColumns; readonly values: Float64Array; readonly featureCount: number },
): void {
  const { columns, values, featureCount } = batch;
  const rows = columns.counts[countAt.rows]!;
  for (let row = 0; row < rows; row++) {
    if (columns.op[row] === operations.authorization && columns.lateness[row] !== verdicts.tooLate) {
      updateColumnarBaseline(
        score.baselines,
        columns.account[row]!,
        columns.eventTimeMs[row]!,
        values,
        row * featureCount,
      );
    }
    score.watermarkMs = columns.stateWatermarkMs[row]!;
  }
}

/** The second half before any payment of the replay: no normals, and the ledger of the checkpoint in its regions. */
function openBackState(
  weir: ColumnarWeir,
  { interner, loaded }: { readonly interner: Interner; readonly loaded: LoadedHalf },
) {
  const { plan, layout, allowedLatenessMs, ledger: config } = weir.options;
  const options = { featureCount: plan.features.length, allowedLatenessMs };
  const empty = createPageBook();
  createColumnarScoreState(options, { book: empty });
  const images = empty.regions.map(({ segmentBytes }): PageImage => ({ segmentBytes, first: 0, segments: [] }));
  const book = createPageBook([...images, ...loaded.images.slice(images.length)]);
  const score = createColumnarScoreState(options, { book });
  // What the engine wrote, behind the part's checksum.
  const { ledger: rest } = loaded.rest as BackRest;
  const ledger = createColumnarLedger(config, { interner, layout }, { book, rest });
  return { book, score, rest: (): BackRest => ({ score: restOfScore(score), ledger: restOfLedger(ledger) }) };
}
