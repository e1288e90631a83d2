import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Tally } from './faults.ts';
import { addTally, type FailingSeed, runSeeds, type Seeds } from './simulation-seeds.ts';
import type { WorkerMessage } from './simulation-worker.ts';

/** Runs seeds in threads. Gives the first seed that failed in any of them, null when all are well. */
export async function runSeedsInThreads(
  options: { readonly firstSeed: number; readonly count: number; readonly threads: number },
  counts: Tally,
): Promise<FailingSeed | null> {
  const { firstSeed, count, threads } = options;
  if (threads === 1) {
    return runSeeds({ firstSeed, count, step: 1 }, (result) =>
      addTally(counts, new Map([...result.counts, ['seeds', 1]])),
    );
  }
  const shares = Array.from({ length: threads }, (_, thread) => ({
    firstSeed: firstSeed + thread,
    count: Math.ceil((count - thread) / threads),
    step: threads,
  }));
  const failing = await Promise.all(shares.map((share) => runShare(share, counts)));
  return failing.flatMap((seed) => seed ?? []).toSorted((left, right) => left.seed - right.seed)[0] ?? null;
}

async function runShare(share: Seeds, counts: Tally): Promise<FailingSeed | null> {
  const worker = new Worker(new URL('./simulation-worker.ts', import.meta.url), { workerData: share });
  const ended = once(worker, 'exit');
  const failing = await new Promise<FailingSeed | null>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', (code) =>
      reject(new Error(`got the end of a thread with exit code ${code}, expected its result`)),
    );
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'seed') addTally(counts, new Map([...message.counts, ['seeds', 1]]));
      else resolve(message.failing);
    });
  });
  await ended;
  return failing;
}
