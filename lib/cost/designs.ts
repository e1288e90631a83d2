import type { Load } from './load.ts';
import {
  type CostLine,
  dynamoLines,
  flinkLines,
  kinesisLines,
  lambdaLines,
  mskLines,
  pollerLines,
  spotLines,
} from './parts.ts';
import { type PriceList, prices } from './prices.ts';
import { eventsMonth } from './sizes.ts';

/** A way to run the stream. */
export type Design = {
  readonly id: DesignId;
  readonly name: string;
  readonly isKafka: boolean;
  /** Keeps windows between events; without it only what one event says can be scored. */
  readonly hasState: boolean;
};

/** The names that a program compares by. */
export type DesignId =
  | 'kinesis-lambda-write'
  | 'kinesis-lambda'
  | 'kinesis-spot'
  | 'msk-lambda'
  | 'msk-spot'
  | 'msk-flink';

/** What a design costs for a load. */
export type DesignCost = Design & {
  readonly usdMonth: number;
  readonly usdPerMillionEvents: number;
  readonly lines: readonly CostLine[];
};

/** The designs, the dear ones first. */
export const designs: readonly Design[] = [
  { id: 'kinesis-lambda-write', name: 'Kinesis + Lambda, a write an event', isKafka: false, hasState: true },
  { id: 'kinesis-lambda', name: 'Kinesis + Lambda, nothing kept', isKafka: false, hasState: false },
  { id: 'msk-lambda', name: 'MSK + Lambda, a write an event', isKafka: true, hasState: true },
  { id: 'msk-flink', name: 'MSK + Managed Flink', isKafka: true, hasState: true },
  { id: 'msk-spot', name: 'MSK + Fargate Spot, local state', isKafka: true, hasState: true },
  { id: 'kinesis-spot', name: 'Kinesis aggregated + Fargate Spot, local state', isKafka: false, hasState: true },
];

/** The cost of a design for a month of a load that never rests. */
export function costOf(design: Design, load: Load, list: PriceList = prices): DesignCost {
  const ledger = dynamoLines(
    { eventsPerSecond: load.eventsPerSecond, unitsPerEvent: load.ledgerUnitsPerEvent, what: 'DynamoDB, ledger' },
    list,
  );
  const lines = [...streamLines(design.id, load, list), ...ledger];
  const usdMonth = lines.reduce((sum, line) => sum + line.usdMonth, 0);
  return { ...design, usdMonth, usdPerMillionEvents: usdMonth / (eventsMonth(load) / 1e6), lines };
}

function streamLines(id: DesignId, load: Load, list: PriceList): CostLine[] {
  const stateWrites = load.stateWritesPerEvent;
  // A function that posts to the ledger waits for that write too.
  const ledgerWrites = load.ledgerUnitsPerEvent > 0 ? 1 : 0;
  const single = { ...load, isAggregated: false };
  const state = dynamoLines(
    { eventsPerSecond: load.eventsPerSecond, unitsPerEvent: stateWrites, what: 'DynamoDB, state' },
    list,
  );
  const lambda = (writes: number): CostLine[] => lambdaLines({ ...load, writes: writes + ledgerWrites }, list);
  switch (id) {
    case 'kinesis-lambda-write':
      return [...kinesisLines(single, list), ...lambda(stateWrites), ...state];
    case 'kinesis-lambda':
      return [...kinesisLines(single, list), ...lambda(0)];
    case 'kinesis-spot':
      return [...kinesisLines({ ...load, isAggregated: true }, list), ...spotLines(load, list)];
    case 'msk-lambda':
      return [...mskLines(load, list), ...pollerLines(load, list), ...lambda(stateWrites), ...state];
    case 'msk-spot':
      return [...mskLines(load, list), ...spotLines(load, list)];
    case 'msk-flink':
      return [...mskLines(load, list), ...flinkLines(load, list)];
  }
}
