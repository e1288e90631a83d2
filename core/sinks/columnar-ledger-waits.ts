import { createIdTable, deleteId, getId, setId } from '../engine/id-table.ts';
import type { IdTable } from '../engine/id-table.ts';
import { createTimerQueue, popDueTimer, pushTimer, type TimerQueue } from '../engine/timer-queue.ts';
import type { Release } from './ledger-state.ts';

/** A release that waits for its authorization: the whole event, and what its row would tell. */
export type WaitingRelease = {
  readonly release: Release;
  /** The interned currency. */
  readonly currency: number;
  /** The id hash of the release, in four words. */
  readonly idHash: readonly number[];
  /** The id hash of the authorization, in four words. */
  readonly targetHash: readonly number[];
};

/** The releases that wait. They are rare, so they are objects. */
export type Waits = {
  /** The authorizations that are waited for, so that most others are told from them by one look. */
  readonly targets: IdTable;
  /** In log order, by their authorization. */
  readonly byTarget: Map<string, Map<number, WaitingRelease>>;
  /** The authorization by the number that the timer of a wait has; a timer finds nothing once its wait has ended. */
  readonly bySerial: Map<number, string>;
  readonly timers: TimerQueue;
  serials: number;
};

export function createWaits(): Waits {
  return {
    targets: createIdTable(),
    byTarget: new Map(),
    bySerial: new Map(),
    timers: createTimerQueue(),
    serials: 0,
  };
}

/** Lets a release wait until the watermark reaches `untilMs`. */
export function beginWait(waits: Waits, waiting: WaitingRelease, untilMs: number): void {
  const serial = waits.serials;
  // Serial numbers come round after 2^32 waits, when the timers of the first ones are long gone.
  waits.serials = (serial + 1) >>> 0;
  keep(waits, serial, waiting);
  pushTimer(waits.timers, untilMs, waiting.release.offset, serial);
}

/** True where something waits for the authorization whose id hash begins at `words[at]`. */
export function isAwaited(waits: Waits, words: Uint32Array, at: number): boolean {
  return waits.targets.size > 0 && getId(waits.targets, words, at) >= 0;
}

/** Ends all waits for an authorization, and gives them in log order. */
export function takeWaits(waits: Waits, words: Uint32Array, at: number): WaitingRelease[] {
  const target = targetName(words.subarray(at, at + 4));
  const waiting = waits.byTarget.get(target) ?? new Map<number, WaitingRelease>();
  waits.byTarget.delete(target);
  deleteId(waits.targets, words, at);
  for (const serial of waiting.keys()) waits.bySerial.delete(serial);
  return [...waiting.values()];
}

/** Gives up the waits that are due, ordered by time, then offset. */
export function endWaits(waits: Waits, watermarkMs: number): Release[] {
  const ended: Release[] = [];
  for (;;) {
    const serial = popDueTimer(waits.timers, watermarkMs);
    if (serial < 0) return ended;
    const target = waits.bySerial.get(serial);
    const waiting = target === undefined ? undefined : waits.byTarget.get(target);
    const wait = waiting?.get(serial);
    if (target === undefined || waiting === undefined || wait === undefined) continue;
    waits.bySerial.delete(serial);
    waiting.delete(serial);
    if (waiting.size === 0) {
      waits.byTarget.delete(target);
      deleteId(waits.targets, Uint32Array.from(wait.targetHash), 0);
    }
    ended.push(wait.release);
  }
}

/** The waits as a checkpoint holds them. */
export type WaitsRest = {
  readonly waiting: readonly { readonly serial: number; readonly wait: WaitingRelease }[];
  readonly serials: number;
};

/** What a checkpoint holds of the waits. */
export function restOfWaits({ byTarget, serials }: Waits): WaitsRest {
  const waiting = [...byTarget.values()].flatMap((waits) => [...waits].map(([serial, wait]) => ({ serial, wait })));
  return { waiting, serials };
}

/** The waits again; each ends `waitMs` after the event time of its release. */
export function restoreWaits({ waiting, serials }: WaitsRest, waitMs: number): Waits {
  const waits = { ...createWaits(), serials };
  for (const { serial, wait } of waiting) {
    keep(waits, serial, wait);
    const { event, offset } = wait.release;
    pushTimer(waits.timers, event.eventTimeMs + waitMs, offset, serial);
  }
  return waits;
}

function keep(waits: Waits, serial: number, waiting: WaitingRelease): void {
  const words = Uint32Array.from(waiting.targetHash);
  const target = targetName(words);
  const known = waits.byTarget.get(target);
  if (known === undefined) {
    waits.byTarget.set(target, new Map([[serial, waiting]]));
    setId(waits.targets, words, 0, 0);
  } else known.set(serial, waiting);
  waits.bySerial.set(serial, target);
}

function targetName(words: Uint32Array): string {
  return words.join('.');
}
