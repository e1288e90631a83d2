/** Something to do once the watermark reaches `timeMs`. Offset, then insertion, order the timers of the same time. */
export type Timer<T> = {
  readonly timeMs: number;
  readonly offset: number;
  readonly insertion: number;
  readonly value: T;
};

/** A binary heap of timers as plain data, so that a checkpoint can hold it. One array: it grows with what is pending. */
export type Timers<T> = {
  /** The parent of `heap[i]` is `heap[(i - 1) >> 1]` and is due no later than it. */
  readonly heap: Timer<T>[];
  /** The insertion number of the next timer. */
  insertions: number;
};

/** A queue without timers. */
export function createTimers<T>(): Timers<T> {
  return { heap: [], insertions: 0 };
}

/** Adds a timer, which may be due already. Takes O(log n), and O(1) when times mostly rise. */
export function addTimer<T>(timers: Timers<T>, timer: Omit<Timer<T>, 'insertion'>): void {
  const { timeMs, offset, value } = timer;
  const added: Timer<T> = { timeMs, offset, insertion: timers.insertions, value };
  timers.insertions += 1;
  timers.heap.push(added);
  siftUp(timers.heap, added);
}

/**
 * Takes the first timer that is due, in the order (timeMs, offset, insertion), and gives its value; undefined when none
 * is. A timer is due once `watermarkMs >= timeMs`. Takes O(log n), and O(1) when none is due.
 */
export function popDue<T>(timers: Timers<T>, watermarkMs: number): T | undefined {
  const { heap } = timers;
  const first = heap[0];
  if (first === undefined || first.timeMs > watermarkMs) return undefined;
  const last = heap.pop();
  if (last !== undefined && last !== first) siftDown(heap, last);
  return first.value;
}

/** How many timers are pending. */
export function countTimers<T>(timers: Timers<T>): number {
  return timers.heap.length;
}

/** Moves the timer at the end of the heap towards the root, up to its place. */
function siftUp<T>(heap: Timer<T>[], timer: Timer<T>): void {
  let index = heap.length - 1;
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (parent === undefined || !isBefore(timer, parent)) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = timer;
}

/** Puts the timer at the root, whose own has been taken, and moves it down to its place. */
function siftDown<T>(heap: Timer<T>[], timer: Timer<T>): void {
  let index = 0;
  for (;;) {
    const leftIndex = 2 * index + 1;
    const left = heap[leftIndex];
    if (left === undefined) break;
    const right = heap[leftIndex + 1];
    const isRight = right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (!isBefore(child, timer)) break;
    heap[index] = child;
    index = isRight ? leftIndex + 1 : leftIndex;
  }
  heap[index] = timer;
}

function isBefore<T>(left: Timer<T>, right: Timer<T>): boolean {
  if (left.timeMs !== right.timeMs) return left.timeMs < right.timeMs;
  if (left.offset !== right.offset) return left.offset < right.offset;
  return left.insertion < right.insertion;
}
