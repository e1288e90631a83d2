import { parentPort, workerData } from 'node:worker_threads';
import { type FailingSeed, runSeeds, type Seeds } from './simulation-seeds.ts';

/** What a thread tells: after each seed what happened in it, in the end the seed that failed. */
export type WorkerMessage =
  | { readonly kind: 'seed'; readonly counts: ReadonlyMap<string, number> }
  | { readonly kind: 'done'; readonly failing: FailingSeed | null };

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

// What whoever starts this thread has set.
const failing = await runSeeds(workerData as Seeds, ({ counts }) => tell({ kind: 'seed', counts }));
tell({ kind: 'done', failing });
