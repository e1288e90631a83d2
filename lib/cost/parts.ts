import type { Load } from './load.ts';
import type { PriceList, PriceName } from './prices.ts';
import * as sizes from './sizes.ts';

/** One thing that is paid for: the formula with its numbers, and which prices it used. */
export type CostLine = {
  readonly what: string;
  readonly formula: string;
  readonly usdMonth: number;
  readonly prices: readonly PriceName[];
};

/** A function waits this long for each of its writes, so many of them at once: assumptions. */
const writeWait = { writeMs: 5, inFlight: 50 } as const;

/** A client in another zone than the leader: two of three. */
const crossZoneShare = 2 / 3;

/** MSK Express: brokers, bytes in, bytes kept, bytes between zones on the way in and out. */
export function mskLines(load: Load, list: PriceList): CostLine[] {
  const brokers = sizes.brokersFor(load);
  const gib = sizes.gibMonth(load);
  const keptGib = (gib * load.retentionHours) / sizes.hoursMonth;
  return [
    line(list, ['mskBrokerHour'], {
      what: 'MSK Express brokers',
      factors: [
        [brokers, 'brokers'],
        [sizes.hoursMonth, 'h'],
      ],
    }),
    line(list, ['mskInGib'], { what: 'MSK bytes in', factors: [[gib, 'GiB']] }),
    line(list, ['mskStorageGibMonth'], {
      what: `MSK storage, ${load.retentionHours} h`,
      factors: [[keptGib, 'GiB']],
    }),
    line(list, ['crossZoneGib'], {
      what: 'between zones, producers and consumers',
      factors: [
        [gib, 'GiB'],
        [2 * crossZoneShare, 'of them'],
      ],
    }),
  ];
}

/** Kinesis, provisioned. */
export function kinesisLines(load: Load & { readonly isAggregated: boolean }, list: PriceList): CostLine[] {
  return [
    line(list, ['kinesisShardHour'], {
      what: load.isAggregated ? 'Kinesis shards, aggregated records' : 'Kinesis shards, a record an event',
      factors: [
        [sizes.shardsFor(load), 'shards'],
        [sizes.hoursMonth, 'h'],
      ],
    }),
    line(list, ['kinesisPutUnitsMillion'], {
      what: 'Kinesis PUT units',
      factors: [[sizes.putUnitsMonth(load) / 1e6, 'million']],
    }),
  ];
}

/** Workers on Fargate, some on demand and the rest on Spot. */
export function spotLines(load: Load, list: PriceList): CostLine[] {
  const tasks = sizes.tasksFor({ eventsPerSecond: load.eventsPerSecond, cpuUs: load.workerCpuUs });
  const mix = load.onDemandShare + (1 - load.onDemandShare) * list.spotShare.usd;
  const hour = list.fargateVcpuHour.usd + sizes.capacity.taskGbPerVcpu * list.fargateGbHour.usd;
  return [
    {
      what: 'Fargate, 1 vCPU and 2 GB a task',
      formula: `${tell(tasks)} tasks x ${tell(hour)} x ${sizes.hoursMonth} h x ${tell(mix)} (${tell(load.onDemandShare)} on demand)`,
      usdMonth: tasks * hour * sizes.hoursMonth * mix,
      prices: ['fargateVcpuHour', 'fargateGbHour', 'spotShare'],
    },
  ];
}

/** A function that is called with batches; it waits for the writes of its state. */
export function lambdaLines(
  { eventsPerSecond, workerCpuUs, batchEvents, writes }: Load & { readonly writes: number },
  list: PriceList,
): CostLine[] {
  const events = sizes.eventsMonth({ eventsPerSecond });
  const waitUs = (writes * writeWait.writeMs * 1000) / writeWait.inFlight;
  const gbSeconds = ((events * (workerCpuUs + waitUs)) / 1e6) * sizes.capacity.lambdaGb;
  return [
    line(list, ['lambdaGbSecond'], {
      what: `Lambda, ${tell(workerCpuUs)} us CPU and ${tell(waitUs)} us waiting an event`,
      factors: [[gbSeconds, 'GB-s']],
    }),
    line(list, ['lambdaRequestsMillion'], {
      what: `Lambda requests, ${tell(batchEvents)} events each`,
      factors: [[events / batchEvents / 1e6, 'million']],
    }),
  ];
}

/** The pollers of a function on Kafka in provisioned mode. */
export function pollerLines(load: Load, list: PriceList): CostLine[] {
  const units = Math.max(1, Math.ceil((load.eventsPerSecond * load.eventBytes) / 1e6 / sizes.capacity.pollerUnitMb));
  return [
    line(list, ['lambdaPollerHour'], {
      what: 'Lambda event pollers',
      factors: [
        [units, 'units'],
        [sizes.hoursMonth, 'h'],
      ],
    }),
  ];
}

/** Managed Flink; one unit more orchestrates. */
export function flinkLines(load: Load, list: PriceList): CostLine[] {
  const kpus = sizes.kpusFor({ eventsPerSecond: load.eventsPerSecond, cpuUs: load.flinkCpuUs });
  return [
    line(list, ['flinkKpuHour'], {
      what: 'Managed Flink',
      factors: [
        [kpus + 1, `KPU (${kpus} and 1)`],
        [sizes.hoursMonth, 'h'],
      ],
    }),
  ];
}

/** Write units of DynamoDB, provisioned. */
export function dynamoLines(
  { eventsPerSecond, unitsPerEvent, what }: { eventsPerSecond: number; unitsPerEvent: number; what: string },
  list: PriceList,
): CostLine[] {
  if (unitsPerEvent === 0) return [];
  const units = (eventsPerSecond * unitsPerEvent) / sizes.utilisation.dynamo;
  return [
    line(list, ['dynamoWriteUnitHour'], {
      what,
      factors: [
        [units, 'write units'],
        [sizes.hoursMonth, 'h'],
      ],
    }),
  ];
}

type Factor = readonly [count: number, unit: string];

/** Factors times one price. */
function line(
  list: PriceList,
  [price]: readonly [PriceName],
  { what, factors }: { readonly what: string; readonly factors: readonly Factor[] },
): CostLine {
  const { usd } = list[price];
  const formula = [...factors.map(([count, unit]) => `${tell(count)} ${unit}`), tell(usd)].join(' x ');
  return { what, formula, usdMonth: factors.reduce((product, [count]) => product * count, usd), prices: [price] };
}

/** A number in as many digits as tell it. */
function tell(value: number): string {
  if (value >= 1000) return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
  return String(Number(value.toPrecision(6)));
}
