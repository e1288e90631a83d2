/**
 * Timers over typed arrays: what `Timers` does without an object a timer. A timer that is due no sooner than the last
 * one in line joins the line; any other goes to a heap beside it. The first of both is the next.
 */
export type TimerQueue = { readonly line: Line; readonly heap: Heap; insertions: number; size: number };

/** A queue of segments: `head` and `tail` count timers from the first one ever. */
type Line = { readonly segments: Segment[]; head: number; tail: number; spare: Segment | undefined };
type Heap = { readonly segments: Segment[]; size: number };

type Segment = {
  readonly timeMs: Float64Array;
  readonly offset: Float64Array;
  readonly insertion: Float64Array;
  readonly value: Uint32Array;
};

const segmentBits = 12;
const segmentLength = 2 ** segmentBits;
const slotMask = segmentLength - 1;

export function createTimerQueue(): TimerQueue {
  return {
    line: { segments: [], head: 0, tail: 0, spare: undefined },
    heap: { segments: [], size: 0 },
    insertions: 0,
    size: 0,
  };
}

/** Adds a timer, which may be due already. `value` is an unsigned 32-bit number. O(1) where times mostly rise. */
export function pushTimer(queue: TimerQueue, timeMs: number, offset: number, value: number): void {
  const insertion = queue.insertions++;
  queue.size++;
  const { line } = queue;
  if (line.tail === line.head || joinsLine(line, timeMs, offset)) {
    const slot = line.tail++ & slotMask;
    if (slot === 0) line.segments.push(takeSpare(line));
    write(line.segments.at(-1)!, { slot, timeMs, offset, insertion, value });
    return;
  }
  pushOnHeap(queue.heap, { timeMs, offset, insertion, value });
}

/**
 * Takes the first timer with `timeMs <= watermarkMs`, in the order (timeMs, offset, insertion), and gives its value; -1
 * when none is due.
 */
export function popDueTimer(queue: TimerQueue, watermarkMs: number): number {
  const { line, heap } = queue;
  const isLineFirst = line.head < line.tail && (heap.size === 0 || isLineBeforeHeap(line, heap));
  if (isLineFirst) {
    const slot = line.head & slotMask;
    const segment = line.segments[0]!;
    if (segment.timeMs[slot]! > watermarkMs) return -1;
    const value = segment.value[slot]!;
    line.head++;
    queue.size--;
    if (slot === slotMask || line.head === line.tail) dropSpent(line);
    return value;
  }
  if (heap.size === 0 || heap.segments[0]!.timeMs[0]! > watermarkMs) return -1;
  const value = heap.segments[0]!.value[0]!;
  removeRoot(heap);
  queue.size--;
  return value;
}

type Timer = {
  readonly timeMs: number;
  readonly offset: number;
  readonly insertion: number;
  readonly value: number;
};

function createSegment(): Segment {
  return {
    timeMs: new Float64Array(segmentLength),
    offset: new Float64Array(segmentLength),
    insertion: new Float64Array(segmentLength),
    value: new Uint32Array(segmentLength),
  };
}

function write(segment: Segment, { slot, timeMs, offset, insertion, value }: Timer & { readonly slot: number }): void {
  segment.timeMs[slot] = timeMs;
  segment.offset[slot] = offset;
  segment.insertion[slot] = insertion;
  segment.value[slot] = value;
}

function joinsLine(line: Line, timeMs: number, offset: number): boolean {
  const last = line.segments.at(-1)!;
  const slot = (line.tail - 1) & slotMask;
  const lastTimeMs = last.timeMs[slot]!;
  return timeMs > lastTimeMs || (timeMs === lastTimeMs && offset >= last.offset[slot]!);
}

function isLineBeforeHeap(line: Line, heap: Heap): boolean {
  return isBefore(line.segments[0]!, line.head & slotMask, heap.segments[0]!, 0);
}

/** Compares two slots by (timeMs, offset, insertion); positional, as it runs several times a timer. */
function isBefore(left: Segment, leftSlot: number, right: Segment, rightSlot: number): boolean {
  const timeMs = left.timeMs[leftSlot]!;
  const otherTimeMs = right.timeMs[rightSlot]!;
  if (timeMs !== otherTimeMs) return timeMs < otherTimeMs;
  const offset = left.offset[leftSlot]!;
  const otherOffset = right.offset[rightSlot]!;
  if (offset !== otherOffset) return offset < otherOffset;
  return left.insertion[leftSlot]! < right.insertion[rightSlot]!;
}

function takeSpare(line: Line): Segment {
  const segment = line.spare ?? createSegment();
  line.spare = undefined;
  return segment;
}

/** Lets the first segment go once all of it is spent; an empty line starts anew. The memory of one is kept. */
function dropSpent(line: Line): void {
  line.spare = line.segments.shift();
  if (line.head < line.tail) return;
  line.head = 0;
  line.tail = 0;
}

function pushOnHeap(heap: Heap, timer: Timer): void {
  const index = heap.size++;
  if (index >> segmentBits === heap.segments.length) heap.segments.push(createSegment());
  write(heap.segments[index >> segmentBits]!, { ...timer, slot: index & slotMask });
  for (let at = index; at > 0;) {
    const parent = (at - 1) >> 1;
    if (!isHeapBefore(heap, at, parent)) return;
    swap(heap, at, parent);
    at = parent;
  }
}

function removeRoot(heap: Heap): void {
  const last = --heap.size;
  if (last === 0) return;
  swap(heap, 0, last);
  for (let at = 0; ;) {
    const left = 2 * at + 1;
    if (left >= last) return;
    const right = left + 1;
    const child = right < last && isHeapBefore(heap, right, left) ? right : left;
    if (!isHeapBefore(heap, child, at)) return;
    swap(heap, at, child);
    at = child;
  }
}

function isHeapBefore({ segments }: Heap, left: number, right: number): boolean {
  return isBefore(segments[left >> segmentBits]!, left & slotMask, segments[right >> segmentBits]!, right & slotMask);
}

function swap({ segments }: Heap, left: number, right: number): void {
  const one = segments[left >> segmentBits]!;
  const other = segments[right >> segmentBits]!;
  const oneSlot = left & slotMask;
  const otherSlot = right & slotMask;
  for (const name of ['timeMs', 'offset', 'insertion', 'value'] as const) {
    const value = one[name][oneSlot]!;
    one[name][oneSlot] = other[name][otherSlot]!;
    other[name][otherSlot] = value;
  }
}
