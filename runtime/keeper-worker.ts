import { parentPort } from 'node:worker_threads';
import { keepCut, type KeptCut } from './cut-keeper.ts';
import { failureMessage, type FailureMessage } from './thread-failure.ts';

/** What the keeper answers to a cut, in the order in which they came. */
export type Kept = { readonly failure: FailureMessage | null };

// The thread beside the back that writes what a cut leaves behind, so that the back goes on meanwhile.
parentPort?.on('message', (cut: KeptCut) => {
  parentPort?.postMessage(keep(cut));
});

function keep(cut: KeptCut): Kept {
  try {
    keepCut(cut);
    return { failure: null };
  } catch (error) {
    return { failure: failureMessage(error) };
  }
}
