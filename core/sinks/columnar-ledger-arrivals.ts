import { pushTimer } from '../engine/timer-queue.ts';
import type { TimerQueue } from '../engine/timer-queue.ts';
import { holdNumber, holdNumbers, holdSegment, slotOf } from './columnar-ledger-holds.ts';
import type { HoldSlab } from './columnar-ledger-holds.ts';

/**
 * Holds whose event time the watermark has not reached, on their way to the expiries: a list for each of the next
 * milliseconds, so that authorizations which come out of order join the long line of expiries in its order, at its end.
 * A hold that does not fit in, behind the watermark or far ahead of it, goes to the expiries at once: they have the order
 * right in any case, and are only quicker in this one.
 *
 *     passedMs                      passedMs + spanMs
 *        |  list  list  ...  list  |
 */
export type Arrivals = {
  /** First and last hold plus 1 of the list of a millisecond, at its low bits; 0 is none. */
  readonly first: Uint32Array;
  readonly last: Uint32Array;
  /** A bit for each list that has a hold. */
  readonly filled: Int32Array;
  /** Holds of later times stay. */
  passedMs: number;
  size: number;
};

const spanMs = 2 ** 14;
const mask = spanMs - 1;
const wordMask = spanMs / 32 - 1;

/** No holds on their way; all lists up to a moment are empty. */
export function createArrivals(passedMs = Number.NEGATIVE_INFINITY): Arrivals {
  return {
    first: new Uint32Array(spanMs),
    last: new Uint32Array(spanMs),
    filled: new Int32Array(spanMs / 32),
    passedMs,
    size: 0,
  };
}

/** What the holds pass between: they lie in the slab and are due at their expiry. */
export type ArrivalPlaces = { readonly holds: HoldSlab; readonly expiries: TimerQueue };

/** Adds a hold by its event time. Offsets rise from call to call. */
export function addArrival(arrivals: Arrivals, { holds, expiries }: ArrivalPlaces, hold: number, timeMs: number): void {
  if (!(timeMs > arrivals.passedMs && timeMs < arrivals.passedMs + spanMs)) {
    pushExpiry(holds, expiries, hold);
    return;
  }
  const place = timeMs & mask;
  const segment = holdSegment(holds, hold);
  segment.next[slotOf(hold)] = 0;
  const previous = arrivals.last[place]!;
  if (previous === 0) {
    arrivals.first[place] = hold + 1;
    arrivals.filled[place >>> 5]! |= 1 << (place & 31);
  } else holdSegment(holds, previous - 1).next[slotOf(previous - 1)] = hold + 1;
  arrivals.last[place] = hold + 1;
  arrivals.size++;
}

/** Moves the holds whose event time the watermark has reached on to the expiries, the earliest first. */
export function passArrivals(arrivals: Arrivals, places: ArrivalPlaces, watermarkMs: number): void {
  if (watermarkMs <= arrivals.passedMs) return;
  let timeMs = arrivals.passedMs + 1;
  while (arrivals.size > 0) {
    timeMs = nextFilled(arrivals, timeMs);
    if (timeMs > watermarkMs) break;
    passList(arrivals, places, timeMs & mask);
    timeMs++;
  }
  arrivals.passedMs = watermarkMs;
}

/** The first time from `fromMs` on whose list has a hold; there must be one, no further than the span. */
function nextFilled({ filled }: Arrivals, fromMs: number): number {
  const place = fromMs & mask;
  const rest = filled[place >>> 5]! >>> (place & 31);
  if (rest !== 0) return fromMs + bitsBelow(rest);
  let aheadMs = 32 - (place & 31);
  for (let word = (place >>> 5) + 1; ; word++, aheadMs += 32) {
    const bits = filled[word & wordMask]!;
    if (bits !== 0) return fromMs + aheadMs + bitsBelow(bits);
  }
}

/** How many zeros stand below the lowest one. */
function bitsBelow(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function passList(arrivals: Arrivals, { holds, expiries }: ArrivalPlaces, place: number): void {
  for (let named = arrivals.first[place]!; named > 0; named = nextOf(holds, named)) {
    pushExpiry(holds, expiries, named - 1);
    arrivals.size--;
  }
  arrivals.first[place] = 0;
  arrivals.last[place] = 0;
  arrivals.filled[place >>> 5]! &= ~(1 << (place & 31));
}

function nextOf(holds: HoldSlab, named: number): number {
  return holdSegment(holds, named - 1).next[slotOf(named - 1)]!;
}

function pushExpiry(holds: HoldSlab, expiries: TimerQueue, hold: number): void {
  const { numbers } = holdSegment(holds, hold);
  const number = slotOf(hold) * holdNumbers;
  pushTimer(expiries, numbers[number + holdNumber.expiryTimeMs]!, numbers[number + holdNumber.offset]!, hold);
}
