import { setImmediate as pause } from 'node:timers/promises';

/** Where the states of this process's partitions are opened. */
export const openingLane = createLane();

/**
 * Makes a lane: work that holds the thread for long, one piece after the other, and between two of them whatever waits for
 * the thread. Opening the state of eight partitions at once would hold it for so long that the cluster's answers, which
 * have come, count as late, and a member of a group as gone.
 */
export function createLane(): <Result>(work: () => Result | Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.then(letOthersGo, letOthersGo);
    return mine;
  };
}

/** Twice: what has come is read after the first, and what it wakes runs before the second is over. */
async function letOthersGo(): Promise<void> {
  await pause();
  await pause();
}
