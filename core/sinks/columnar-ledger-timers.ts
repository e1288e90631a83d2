import { createTimerQueue, pushTimer, type TimerQueue } from '../engine/timer-queue.ts';
import { freeHolds, holdNumber, holdNumbers, holdSegment, type HoldSlab } from './columnar-ledger-holds.ts';
import { holdWord, holdWords, openBit, slotOf } from './columnar-ledger-holds.ts';

/** What becomes of holds and when: expiries of those that have not expired, evictions of the others. */
export type HoldTimers = { readonly expiries: TimerQueue; readonly evictions: TimerQueue };

/**
 * The timers of a checkpoint's holds, which the holds themselves tell: those that are closed and due by `passedMs` wait
 * for their eviction. In order of time, so that they stand in line. Takes O(holds).
 */
export function restoreHoldTimers(
  holds: HoldSlab,
  { passedMs, closedRetentionMs }: { readonly passedMs: number; readonly closedRetentionMs: number },
): HoldTimers {
  const isFree = freeHolds(holds);
  const expiryTimeMs = new Float64Array(holds.end);
  const offset = new Float64Array(holds.end);
  const held = new Uint32Array(holds.end);
  let count = 0;
  for (let hold = 0; hold < holds.end; hold++) {
    if (isFree[hold] === 1) continue;
    const { numbers } = holdSegment(holds, hold);
    const at = slotOf(hold) * holdNumbers;
    expiryTimeMs[hold] = numbers[at + holdNumber.expiryTimeMs]!;
    offset[hold] = numbers[at + holdNumber.offset]!;
    held[count++] = hold;
  }
  const timers = { expiries: createTimerQueue(), evictions: createTimerQueue() };
  for (const hold of orderedBy(orderedBy(held.subarray(0, count), offset), expiryTimeMs)) {
    const timeMs = expiryTimeMs[hold]!;
    if (timeMs > passedMs || isOpenHold(holds, hold)) pushTimer(timers.expiries, timeMs, offset[hold]!, hold);
    else pushTimer(timers.evictions, timeMs + closedRetentionMs, offset[hold]!, hold);
  }
  return timers;
}

function isOpenHold(holds: HoldSlab, hold: number): boolean {
  return (holdSegment(holds, hold).words[slotOf(hold) * holdWords + holdWord.idBytes]! & openBit) !== 0;
}

const digitBits = 16;
const digits = 2 ** digitBits;

/** So few numbers are sorted by comparing them. */
const sortedMax = 4096;

/** Numbers in the order of their keys, whole numbers; those of one key stay in order: https://en.wikipedia.org/wiki/Radix_sort */
function orderedBy(numbers: Uint32Array<ArrayBuffer>, keys: Float64Array): Uint32Array<ArrayBuffer> {
  if (numbers.length < sortedMax) return numbers.toSorted((left, right) => keys[left]! - keys[right]!);
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const number of numbers) {
    least = Math.min(least, keys[number]!);
    most = Math.max(most, keys[number]!);
  }
  let ordered = numbers;
  let other = new Uint32Array(numbers.length);
  for (let scale = 1; scale <= most - least; scale *= digits) {
    const starts = new Uint32Array(digits + 1);
    for (const number of ordered) starts[digitOf(keys[number]! - least, scale) + 1]!++;
    for (let digit = 0; digit < digits; digit++) starts[digit + 1]! += starts[digit]!;
    for (const number of ordered) other[starts[digitOf(keys[number]! - least, scale)]!++] = number;
    [ordered, other] = [other, ordered === numbers ? new Uint32Array(numbers.length) : ordered];
  }
  return ordered;
}

function digitOf(value: number, scale: number): number {
  return Math.floor(value / scale) % digits;
}
