import { Worker } from 'node:worker_threads';
import type { KeptCut } from './cut-keeper.ts';
import type { FromBackToKeeper, FromKeeper, KeeperData } from './keeper-worker.ts';
import { createRemoteSink, type RemoteSink } from './remote-sink.ts';
import { errorOf } from './thread-failure.ts';

/** The keeper as the back sees it. */
export type KeeperThread = {
  readonly sink: RemoteSink;
  /** Resolves once the cut is kept; cuts come one after the other. */
  readonly keep: (cut: KeptCut) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Starts the keeper's thread. `onFailure` hears of what it could not write, `onRoom` whenever it has written something. */
export function startKeeper(
  data: KeeperData,
  hear: { readonly onFailure: (error: unknown) => void; readonly onRoom: () => void },
): KeeperThread {
  const worker = new Worker(new URL('./keeper-worker.ts', import.meta.url), {
    workerData: data,
    transferList: [data.port],
  });
  const waiting: (() => void)[] = [];
  const tell = (message: FromBackToKeeper, transferred: readonly ArrayBuffer[]): void => {
    worker.postMessage(message, transferred);
  };
  const sink = createRemoteSink(tell);
  worker.on('error', hear.onFailure);
  worker.on('message', (message: FromKeeper) => {
    if (message.kind === 'kept') waiting.shift()?.();
    else if (message.kind === 'failed') hear.onFailure(errorOf(message.failure));
    else {
      sink.noteWritten(message.sizeBytes);
      hear.onRoom();
    }
  });
  return {
    sink,
    keep: (cut) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        const { words, offset } = cut.keys;
        tell({ kind: 'keep', cut }, transferables([words, offset]));
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}

/** The memory of arrays that their sender needs no more. */
function transferables(arrays: readonly ArrayBufferView[]): ArrayBuffer[] {
  return arrays.flatMap(({ buffer }) => (buffer instanceof ArrayBuffer ? [buffer] : []));
}
