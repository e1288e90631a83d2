import { parentPort, workerData } from 'node:worker_threads';
import { ownerOfEpoch } from '../adapters/files/owner-lock.ts';
import { createInterner } from '../core/decode/interner.ts';
import { importTexts } from '../core/decode/interner-transfer.ts';
import { assemble, type WeirFiles } from './assemble.ts';
import { columnarWeirOf } from './columnar-weir.ts';
import { CutKeeper, type CutKeeperOptions } from './cut-keeper.ts';
import { createLakeWriter, type EndingCut, type LakeWriterOptions } from './lake-writer.ts';
import { type PackedBatch, unpackBatch } from './packed-batch.ts';
import { type ToKeeper, writeToSink } from './remote-sink.ts';
import type { HalfName } from './state-part.ts';
import { failureMessage, type FailureMessage } from './thread-failure.ts';

/** What the lake's thread is started with. */
export type LakeThreadData = Omit<CutKeeperOptions, 'owner' | 'disk'> &
  Pick<LakeWriterOptions, 'fromOffset' | 'partition'> & {
    readonly epoch: number;
    /** What was assembled, by its files. */
    readonly files: WeirFiles;
    readonly watermarkPer: 'input' | 'topic';
  };

/** To the lake's thread. */
export type ToLake =
  | { readonly kind: 'texts'; readonly texts: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'batch'; readonly batch: PackedBatch }
  | { readonly kind: 'part'; readonly half: HalfName; readonly part: ToKeeper }
  | { readonly kind: 'endCut'; readonly cut: EndingCut }
  /** The records of the first cut that was not told of so are durable. */
  | { readonly kind: 'durable' };

/** What it answers. */
export type FromLake =
  | { readonly kind: 'written'; readonly half: HalfName; readonly sizeBytes: number }
  | { readonly kind: 'kept' }
  | { readonly kind: 'failed'; readonly failure: FailureMessage };

// What whoever starts this thread has set.
const { epoch, files, watermarkPer, fromOffset, partition, ...kept } = workerData as LakeThreadData;
const early: ToLake[] = [];
let hear = (message: ToLake): void => {
  early.push(message);
};
parentPort?.on('message', (message: ToLake) => {
  try {
    hear(message);
  } catch (error) {
    fail(error);
  }
});

try {
  const weir = columnarWeirOf(await assemble(files, watermarkPer));
  const owner = ownerOfEpoch(kept.dir, epoch);
  const keeper = new CutKeeper({ ...kept, owner });
  const interner = createInterner();
  const keep = keeper.keep.bind(keeper);
  const lake = createLakeWriter({ dir: kept.dir, weir, interner, partition, fromOffset, owner, keep });
  const waiting: (() => void)[] = [];
  let keeping: Promise<unknown> = Promise.resolve();
  hear = (message): void => {
    switch (message.kind) {
      case 'texts':
        return importTexts(interner, message.texts);
      case 'batch':
        return lake.add(unpackBatch(weir, message.batch));
      case 'part': {
        const { half, part } = message;
        const sizeBytes = writeToSink(keeper.sinkOf(half), part);
        if (sizeBytes > 0) tell({ kind: 'written', half, sizeBytes });
        return undefined;
      }
      case 'endCut': {
        const durable = Promise.withResolvers<void>();
        waiting.push(durable.resolve);
        const ending = lake.endCut(message.cut, durable.promise);
        keeping = Promise.all([keeping, ending]).then(() => tell({ kind: 'kept' }), fail);
        return undefined;
      }
      case 'durable':
        return waiting.shift()?.();
    }
  };
  early.splice(0).forEach(hear);
} catch (error) {
  fail(error);
}

function fail(error: unknown): void {
  tell({ kind: 'failed', failure: failureMessage(error) });
}

function tell(message: FromLake): void {
  parentPort?.postMessage(message);
}
