import { costOf, type Design, type DesignCost, type DesignId, designs } from './designs.ts';
import type { Load } from './load.ts';
import { type PriceList, prices } from './prices.ts';

/** Designs of a load from the dearest to the cheapest, and where their order changes. */
export type Comparison = {
  readonly load: Load;
  readonly costs: readonly DesignCost[];
  /** The cheapest of those that keep windows. */
  readonly cheapest: DesignCost;
  /** The cheapest of those on Kafka that keep windows. */
  readonly cheapestKafka: DesignCost;
  readonly crossings: readonly Crossing[];
};

/** Two designs that cost the same at a point of a scale: above it `cheaperAbove` costs less. */
export type Crossing = {
  readonly scale: 'eventsPerSecond' | 'eventBytes';
  readonly at: number;
  readonly cheaperBelow: DesignId;
  readonly cheaperAbove: DesignId;
};

/** The pairs that people choose between. */
const pairs: readonly (readonly [DesignId, DesignId])[] = [
  ['msk-spot', 'kinesis-spot'],
  ['msk-spot', 'kinesis-lambda-write'],
  ['msk-spot', 'kinesis-lambda'],
  ['msk-spot', 'msk-flink'],
  ['msk-spot', 'msk-lambda'],
  ['kinesis-spot', 'kinesis-lambda-write'],
];
const scales = { eventsPerSecond: [1, 1_000_000], eventBytes: [16, 65_536] } as const;
const stepsPerScale = 200;

/** Compares all designs for a load. */
export function compareDesigns(load: Load, list: PriceList = prices): Comparison {
  const costs = designs.map((design) => costOf(design, load, list)).toSorted((a, b) => b.usdMonth - a.usdMonth);
  const keeping = costs.filter(({ hasState }) => hasState);
  const kafka = keeping.filter(({ isKafka }) => isKafka);
  return {
    load,
    costs,
    cheapest: lastOf(keeping),
    cheapestKafka: lastOf(kafka),
    crossings: pairs.flatMap((pair) =>
      (['eventsPerSecond', 'eventBytes'] as const).flatMap((scale) => crossingsOf(pair, { scale, load, list })),
    ),
  };
}

/** The share that `cost` is below `other`; null when it is not below. */
export function savingOf(cost: DesignCost, other: DesignCost): number | null {
  return cost.usdMonth < other.usdMonth ? 1 - cost.usdMonth / other.usdMonth : null;
}

type Search = { readonly scale: Crossing['scale']; readonly load: Load; readonly list: PriceList };

/** Walks a scale in even ratios, and halves each interval in which the cheaper of two changes. Costs have steps, so there may be several. */
function crossingsOf([first, second]: readonly [DesignId, DesignId], { scale, load, list }: Search): Crossing[] {
  const isFirstCheaper = (at: number): boolean => {
    const there = { ...load, [scale]: at };
    return costOf(designOf(first), there, list).usdMonth < costOf(designOf(second), there, list).usdMonth;
  };
  const [from, to] = scales[scale];
  const ratio = (to / from) ** (1 / stepsPerScale);
  const crossings: Crossing[] = [];
  let low = from as number;
  let isLowFirst = isFirstCheaper(low);
  for (let step = 1; step <= stepsPerScale; step++) {
    const high = from * ratio ** step;
    const isHighFirst = isFirstCheaper(high);
    if (isHighFirst !== isLowFirst) {
      const at = halve({ low, high, isLow: (middle) => isFirstCheaper(middle) === isLowFirst });
      const [cheaperBelow, cheaperAbove] = isLowFirst ? [first, second] : [second, first];
      crossings.push({ scale, at, cheaperBelow, cheaperAbove });
    }
    [low, isLowFirst] = [high, isHighFirst];
  }
  return crossings;
}

function halve({ low, high, isLow }: { low: number; high: number; isLow: (at: number) => boolean }): number {
  let [below, above] = [low, high];
  while (above - below > Math.max(0.5, below * 1e-4)) {
    const middle = (below + above) / 2;
    if (isLow(middle)) below = middle;
    else above = middle;
  }
  return Math.round(above);
}

function designOf(id: DesignId): Design {
  const found = designs.find((design) => design.id === id);
  if (found === undefined)
    throw new Error(`got design ${id}, expected one of ${designs.map((one) => one.id).join(', ')}`);
  return found;
}

function lastOf<Item>(items: readonly Item[]): Item {
  const last = items.at(-1);
  if (last === undefined) throw new Error('got no designs, expected some');
  return last;
}
