import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ownerOfEpoch } from '../adapters/files/owner-lock.ts';
import { CutKeeper, type CutKeeperOptions, type KeptCut } from './cut-keeper.ts';
import { type ToKeeper, writeToSink } from './remote-sink.ts';
import type { HalfName } from './state-part.ts';
import { failureMessage, type FailureMessage } from './thread-failure.ts';

/** What the keeper's thread is started with. */
export type KeeperData = Omit<CutKeeperOptions, 'owner' | 'disk'> & {
  readonly epoch: number;
  /** To the front, which sends its blocks here. */
  readonly port: MessagePort;
};

/** To the keeper from the back: its blocks, and the cut that is to be kept. */
export type FromBackToKeeper = ToKeeper | { readonly kind: 'keep'; readonly cut: KeptCut };

/** What the keeper answers to either half, and of a cut to the back. */
export type FromKeeper =
  | { readonly kind: 'written'; readonly sizeBytes: number }
  | { readonly kind: 'kept' }
  | { readonly kind: 'failed'; readonly failure: FailureMessage };

// The thread beside the back that writes what a cut leaves behind, so that both halves go on meanwhile.
// What whoever starts this thread has set.
const { port, epoch, ...options } = workerData as KeeperData;
const keeper = new CutKeeper({ ...options, owner: ownerOfEpoch(options.dir, epoch) });

port.on('message', (message: ToKeeper) => write('front', message));
parentPort?.on('message', (message: FromBackToKeeper) => {
  if (message.kind === 'keep') void keep(message.cut);
  else write('back', message);
});

function write(half: HalfName, message: ToKeeper): void {
  try {
    const sizeBytes = writeToSink(keeper.sinkOf(half), message);
    const answer: FromKeeper = { kind: 'written', sizeBytes };
    if (sizeBytes > 0) (half === 'front' ? port : parentPort)?.postMessage(answer);
  } catch (error) {
    fail(error);
  }
}

async function keep(cut: KeptCut): Promise<void> {
  try {
    await keeper.keep(cut);
    const answer: FromKeeper = { kind: 'kept' };
    parentPort?.postMessage(answer);
  } catch (error) {
    fail(error);
  }
}

function fail(error: unknown): void {
  const answer: FromKeeper = { kind: 'failed', failure: failureMessage(error) };
  parentPort?.postMessage(answer);
}
