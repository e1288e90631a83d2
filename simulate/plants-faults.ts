import type { Device } from '../core/contract/device.ts';
import { type RandomStream, uniform, wholeBelow } from './random.ts';

/** What may be wrong with a sensor. */
export const faultKinds = ['spike', 'drift', 'stuck', 'silent', 'outOfRange', 'unitError', 'badQuality'] as const;

/** A fault of one sensor over the ticks `[fromTick, toTick)`. */
export type PlantFault = { readonly kind: FaultKind; readonly fromTick: number; readonly toTick: number };

/** A kind of fault. */
export type FaultKind = (typeof faultKinds)[number];

/** How long a fault lasts, in readings of its sensor. Stuck is longer than the registry waits; silent is more than two. */
const lengths: Readonly<Record<FaultKind, { readonly from: number; readonly to: number }>> = {
  spike: { from: 1, to: 4 },
  drift: { from: 60, to: 120 },
  stuck: { from: 40, to: 90 },
  silent: { from: 8, to: 60 },
  outOfRange: { from: 1, to: 6 },
  unitError: { from: 20, to: 60 },
  badQuality: { from: 5, to: 40 },
};

/** One fault somewhere in the middle of the time that is watched; none where that is too short for it. */
export function planFaults(
  random: RandomStream,
  sensor: {
    readonly device: Device;
    readonly options: { readonly ticks: number };
    readonly everyTicks: number;
  },
): readonly PlantFault[] {
  const { options, everyTicks } = sensor;
  const kind = faultKinds[wholeBelow(random, faultKinds.length)]!;
  const lengthTicks = Math.ceil(uniform(random, lengths[kind])) * everyTicks;
  const marginTicks = settleReadings * everyTicks;
  const room = options.ticks - lengthTicks - 2 * marginTicks;
  if (room <= 0) return [];
  const fromTick = (Math.floor((marginTicks + wholeBelow(random, room)) / everyTicks) + 1) * everyTicks;
  return [{ kind, fromTick, toTick: fromTick + lengthTicks }];
}

/** Readings before and after a fault, so that it is seen to begin and to end. */
const settleReadings = 10;

/** The fault of a tick, null where there is none. */
export function faultAt(faults: readonly PlantFault[], tick: number): PlantFault | null {
  for (const fault of faults) if (fault.fromTick <= tick && tick < fault.toTick) return fault;
  return null;
}
