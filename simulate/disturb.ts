import { addTimer, createTimers, popDue } from '../core/engine/timers.ts';
import { serialise, type SimulatedItem } from './item.ts';
import { chance, openStream, uniform, wholeBelow, type RandomStream } from './random.ts';

/** How often the stream is disturbed, as shares of its events; 0 leaves it as it is. */
export type DisturbanceRates = {
  readonly seed: number;
  /** Events that arrive later than their time says. */
  readonly lateRate: number;
  /** Equal copies that arrive later than the first. */
  readonly duplicateRate: number;
  /** Copies with the same id and another body. */
  readonly conflictRate: number;
  /** Extra bytes that are no event. */
  readonly poisonRate: number;
  /** Late events and copies arrive up to this long after their event time, in event time. */
  readonly delayMsMax: number;
};

/** No disturbance, and up to 30 seconds late if there is any. */
export const noDisturbance: DisturbanceRates = {
  seed: 1,
  lateRate: 0,
  duplicateRate: 0,
  conflictRate: 0,
  poisonRate: 0,
  delayMsMax: 30_000,
};

/** A little of everything, some of it too late, enough for a demonstration to show how each is handled. */
export const demoDisturbance: DisturbanceRates = {
  ...noDisturbance,
  lateRate: 0.002,
  duplicateRate: 0.001,
  conflictRate: 0.0005,
  poisonRate: 0.0005,
  delayMsMax: 180_000,
};

/** Bytes for a topic, and what was done to them. */
export type DisturbedItem = {
  readonly topic: SimulatedItem['topic'];
  readonly bytes: Uint8Array;
  readonly disturbance: 'none' | 'late' | 'duplicate' | 'conflict' | 'poison';
};

/**
 * Disturbs a sorted stream: pure, seeded, and equal to the stream itself when all rates are 0. Held-back events are at
 * most those of the last `delayMsMax` of event time; all of them follow at the end.
 */
export function* disturb(items: Iterable<SimulatedItem>, rates: DisturbanceRates): Generator<DisturbedItem> {
  const random = openStream({ seed: rates.seed, name: 'disturb' });
  const held = createTimers<DisturbedItem>();
  let position = 0;
  for (const item of items) {
    const { eventTimeMs } = item.event;
    yield* takeDue(held, eventTimeMs);
    const hold = (disturbed: DisturbedItem): void => {
      const timeMs = eventTimeMs + Math.ceil(uniform(random, { from: 0, to: rates.delayMsMax }));
      addTimer(held, { timeMs, offset: position, value: disturbed });
    };
    const { topic } = item;
    const bytes = serialise(item);
    if (chance(random, rates.lateRate)) hold({ topic, bytes, disturbance: 'late' });
    else yield { topic, bytes, disturbance: 'none' };
    if (chance(random, rates.duplicateRate)) hold({ topic, bytes, disturbance: 'duplicate' });
    if (chance(random, rates.conflictRate)) hold({ topic, bytes: changeBody(item), disturbance: 'conflict' });
    if (chance(random, rates.poisonRate)) yield { topic, bytes: poison(bytes, random), disturbance: 'poison' };
    position += 1;
  }
  yield* takeDue(held, Infinity);
}

function* takeDue(held: Parameters<typeof popDue<DisturbedItem>>[0], timeMs: number): Generator<DisturbedItem> {
  for (let due = popDue(held, timeMs); due !== undefined; due = popDue(held, timeMs)) yield due;
}

function changeBody(item: SimulatedItem): Uint8Array {
  if (item.topic === 'payments.dispute.v1') {
    return serialise({ ...item, event: { ...item.event, reason: 'other' } });
  }
  const event = { ...item.event, amountMinor: item.event.amountMinor + 100 };
  return Buffer.from(JSON.stringify(event));
}

/** One of the ways in which events go bad on their way: cut off, not text, not an object, a field of the wrong type. */
function poison(bytes: Uint8Array, random: RandomStream): Uint8Array {
  const text = Buffer.from(bytes).toString();
  const ways = [
    (): Uint8Array => bytes.subarray(0, 1 + wholeBelow(random, bytes.length - 1)),
    (): Uint8Array => Buffer.concat([bytes.subarray(0, 20), Buffer.from([0xff, 0xfe, 0xc0]), bytes.subarray(20)]),
    (): Uint8Array => Buffer.from('ping'),
    (): Uint8Array => Buffer.from(text.replace(/"eventTimeMs":(\d+)/, '"eventTimeMs":"$1"')),
    (): Uint8Array => Buffer.from(text.replace('"accountId":', '"account":')),
  ];
  return ways[wholeBelow(random, ways.length)]?.() ?? bytes;
}
