import { Worker } from 'node:worker_threads';
import type { Interner } from '../core/decode/interner.ts';
import { exportFrom } from '../core/decode/interner-transfer.ts';
import type { ColumnarWeir } from './columnar-weir.ts';
import type { LakeThreadData, FromLake, ToLake } from './lake-worker.ts';
import type { LakeWriter } from './lake-writer.ts';
import { createBatchPacker, type PackedBatch } from './packed-batch.ts';
import { createRemoteSink, type RemoteSink } from './remote-sink.ts';
import type { HalfName } from './state-part.ts';
import { errorOf } from './thread-failure.ts';

/** The lake in a thread of its own, which also writes the parts of both halves and the checkpoints. */
export type LakeThread = {
  readonly sinkOf: (half: HalfName) => RemoteSink;
  /** `interner` has the texts of every batch that is added. */
  readonly openLake: (interner: Interner) => LakeWriter;
};

export type LakeThreadOptions = LakeThreadData & { readonly weir: ColumnarWeir };

/**
 * Starts the thread that encodes the lake and keeps the cuts, so that whoever decides never waits for either. It is told of
 * batches in copies. A thread that ends before its time fails what waits for it, and the next call.
 */
export function startLakeThread({ weir, ...data }: LakeThreadOptions): LakeThread {
  const worker = new Worker(new URL('./lake-worker.ts', import.meta.url), { workerData: data });
  const waiting: PromiseWithResolvers<void>[] = [];
  const failures: Error[] = [];
  let toldTexts = 0;
  let isClosing = false;
  const fail = (error: Error): void => {
    failures.push(error);
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  const tell = (message: ToLake, transferred: readonly ArrayBuffer[] = []): void => {
    const [failure] = failures;
    if (failure !== undefined) throw failure;
    worker.postMessage(message, transferred);
  };
  const tellTexts = (interner: Interner): void => {
    if (toldTexts === interner.size) return;
    const texts = exportFrom(interner, toldTexts);
    toldTexts = interner.size;
    tell({ kind: 'texts', texts }, [texts.buffer]);
  };
  const sinkOf = (half: HalfName): RemoteSink =>
    createRemoteSink((part, transferred) => tell({ kind: 'part', half, part }, transferred));
  const sinks = { front: sinkOf('front'), back: sinkOf('back') };
  worker.on('error', fail);
  worker.on('exit', (code) => {
    if (!isClosing) fail(new Error(`got the end of the lake's thread with code ${code}, expected it to go on`));
  });
  worker.on('message', (message: FromLake) => {
    if (message.kind === 'kept') waiting.shift()?.resolve();
    else if (message.kind === 'failed') fail(errorOf(message.failure));
    else sinks[message.half].noteWritten(message.sizeBytes);
  });
  const packer = createBatchPacker(weir);
  const tellBatch = (batch: PackedBatch): void => tell({ kind: 'batch', batch }, [batch.buffer]);
  const endCut: LakeWriter['endCut'] = (cut, durable) => {
    const last = packer.take();
    if (last !== null) tellBatch(last);
    const kept = Promise.withResolvers<void>();
    waiting.push(kept);
    tell({ kind: 'endCut', cut });
    (durable ?? Promise.resolve()).then(() => tell({ kind: 'durable' })).catch(fail);
    return kept.promise;
  };
  const openLake = (interner: Interner): LakeWriter => ({
    add: (batch) => {
      tellTexts(interner);
      packer.add(batch).forEach(tellBatch);
    },
    endCut,
    close: async () => {
      isClosing = true;
      await worker.terminate();
    },
  });
  return { sinkOf: (half) => sinks[half], openLake };
}
