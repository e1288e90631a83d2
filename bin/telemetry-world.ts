import { createPlants, plantRates, type PlantWorld, quietRates } from '../simulate/plants-world.ts';

/** How many readings, of which seed, and whether they are disturbed. */
export type WorldOptions = { readonly seed: number; readonly readings: number; readonly disturbance: 'none' | 'some' };

const shape = { plants: 4, linesPerPlant: 2, machinesPerLine: 3, sensorsPerMachine: 5, tickMs: 1000 };

/** Most sensors speak every second, the others every second or fifth one: so many readings a tick, on average. */
const readingsPerTick = shape.plants * shape.linesPerPlant * shape.machinesPerLine * (3 + 1 / 2 + 1 / 5);

/** Midnight of a summer's day. */
const startMs = 1_749_945_600_000;

/**
 * Four plants with 120 sensors. Some have a fault; where they are disturbed, the third plant is away for a quarter of the
 * time, and then sends its backlog beside what is new.
 */
export function telemetryWorld({ seed, readings, disturbance }: WorldOptions): PlantWorld {
  // What is on its way or kept back at the end makes up for some of it.
  const ticks = Math.ceil((readings / readingsPerTick) * 1.05) + 10;
  const fromTick = Math.floor(ticks / 4);
  const outage = { plant: 2, line: null, fromTick, toTick: fromTick * 2, order: 'liveFirst', catchUpTicks: 4 } as const;
  const isDisturbed = disturbance === 'some';
  return createPlants({
    ...shape,
    seed,
    startMs,
    ticks,
    faultRate: 0.3,
    outages: isDisturbed && fromTick > 0 ? [outage] : [],
    rates: isDisturbed ? plantRates : quietRates,
  });
}
