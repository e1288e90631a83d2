import { WeirError } from '../core/contract/failure.ts';
import type { Config } from './config.ts';
import { brokersFor, shardsFor, tasksFor } from './cost/sizes.ts';

/** A number of the stacks, and the sentence that says where it is from. */
export type Size = { readonly value: number; readonly why: string };

/** All numbers that follow from the load. */
export type Sizes = {
  readonly brokers: Size;
  readonly shards: Size;
  readonly partitions: Size;
  readonly tasksMin: Size;
  readonly tasksMax: Size;
  readonly surgeMax: Size;
  readonly pollersMin: Size;
  readonly pollersMax: Size;
  readonly apiConcurrency: Size;
};

/** What one poller of a function on Kafka takes, MB/s. */
const pollerMb = 5;
/** How long a request of the API takes a function: an assumption, of some reads and writes of tables, ms. */
const apiMs = 20;
/** The peak that tasks and pollers grow to, in times of the steady load. */
const peakFactor = 3;
/** Of the partitions, what tasks may take while the rest is for those on demand that step in for Spot. */
const spotShareOfPartitions = 2 / 3;

/** Derives the sizes, takes what is given instead, and refuses what cannot be. Throws `SIZES_INVALID`. */
export function deriveSizes(config: Config): Sizes {
  const rate = `${config.eventsPerSecond} events/s x ${config.eventBytes} B`;
  const given = config.sizes;
  const steadyTasks = tasksFor({ eventsPerSecond: config.eventsPerSecond, cpuUs: config.cpuUsPerEvent });
  const partitions = pick(given.partitions, {
    value: Math.max(12, roundUp(Math.ceil((steadyTasks * peakFactor) / spotShareOfPartitions), 6)),
    why: `${steadyTasks} tasks x ${peakFactor} at the peak, half as many more for on-demand tasks, at least 12`,
  });
  const shards = pick(given.shards, derivedShards(config, partitions));
  // What one member reads alone: there are never more members.
  const [lanes, lane] = config.backbone === 'kinesis' ? [shards.value, 'shards'] : [partitions.value, 'partitions'];
  const tasksMax = pick(given.tasksMax, {
    value: Math.max(1, Math.floor(lanes * spotShareOfPartitions)),
    why: `two thirds of ${lanes} ${lane}: more members than ${lane} would idle`,
  });
  const pollers = Math.max(1, Math.ceil((config.eventsPerSecond * config.eventBytes) / 1e6 / pollerMb));
  const sizes: Sizes = {
    brokers: pick(given.brokers, {
      value: brokersFor(config),
      why: `${rate} over 15.625 MiB/s a broker at 75 %, in 3 zones`,
    }),
    shards,
    partitions,
    tasksMin: pick(given.tasksMin, {
      value: Math.min(steadyTasks, tasksMax.value),
      why: `${config.eventsPerSecond} events/s x ${config.cpuUsPerEvent} us CPU at 70 %, one a zone at least`,
    }),
    tasksMax,
    surgeMax: {
      value: Math.max(0, lanes - tasksMax.value),
      why: `${lanes} ${lane} less ${tasksMax.value} tasks`,
    },
    pollersMin: pick(given.pollersMin, {
      value: Math.min(pollers, partitions.value),
      why: `${rate} over ${pollerMb} MB/s a poller`,
    }),
    pollersMax: pick(given.pollersMax, {
      value: Math.min(partitions.value, pollers * peakFactor),
      why: `${peakFactor} times as many, never over ${partitions.value} partitions`,
    }),
    apiConcurrency: pick(given.apiConcurrency, derivedApiConcurrency(config)),
  };
  assertSizes(sizes, { lanes, lane });
  return sizes;
}

/** Environments that are warm for the API: a function that starts takes longer than a caller waits. */
function derivedApiConcurrency({ profile, apiRequestsPerSecond = 0 }: Config): Size {
  if (profile === 'dev') return { value: 0, why: 'dev: the first requests wait for a function to start' };
  const value = Math.ceil((apiRequestsPerSecond * apiMs) / 1000 / 0.7);
  return { value, why: `${apiRequestsPerSecond} requests/s x ${apiMs} ms (assumed) at 70 %` };
}

/** Workers keep the shards that they began with, so these allow for the peak, and events come aggregated; functions take a record an event. */
function derivedShards(config: Config, partitions: Size): Size {
  const isAggregated = config.runtime === 'ecs-spot';
  const rate = `${config.eventsPerSecond} events/s x ${config.eventBytes} B`;
  const byLoad = shardsFor({ ...config, isAggregated });
  if (!isAggregated) return { value: byLoad, why: `${rate} over 1 MiB/s and 1,000 records/s a shard at 75 %` };
  if (byLoad >= partitions.value) return { value: byLoad, why: `${rate}, aggregated, over 1 MiB/s a shard at 75 %` };
  return { value: partitions.value, why: `as many as workers at the peak take: ${partitions.why}` };
}

/** The sizes as lines: name, number, why. */
export function explainSizes(sizes: Sizes, config: Config): string[] {
  const isShown = (name: string): boolean => {
    if (name === 'shards') return config.backbone === 'kinesis';
    if (name === 'brokers' || name === 'partitions') return config.backbone === 'msk';
    if (name === 'apiConcurrency') return config.apiRequestsPerSecond !== undefined;
    if (name.startsWith('pollers')) return config.backbone === 'msk' && config.runtime === 'lambda';
    return config.runtime === 'ecs-spot';
  };
  return Object.entries(sizes)
    .filter(([name]) => isShown(name))
    .map(([name, { value, why }]) => `${name.padEnd(10)} ${String(value).padStart(4)}  ${why}`);
}

function pick(given: number | undefined, derived: Size): Size {
  return given === undefined
    ? derived
    : { value: given, why: `given; the load says ${derived.value} (${derived.why})` };
}

function assertSizes(
  { partitions, tasksMin, tasksMax, pollersMin, pollersMax }: Sizes,
  { lanes, lane }: { readonly lanes: number; readonly lane: string },
): void {
  const wrong = [
    ...(tasksMax.value > lanes ? [`tasksMax ${tasksMax.value} over ${lanes} ${lane}`] : []),
    ...(pollersMax.value > partitions.value
      ? [`pollersMax ${pollersMax.value} over ${partitions.value} partitions`]
      : []),
    ...(tasksMin.value > tasksMax.value ? [`tasksMin ${tasksMin.value} over tasksMax ${tasksMax.value}`] : []),
    ...(pollersMin.value > pollersMax.value
      ? [`pollersMin ${pollersMin.value} over pollersMax ${pollersMax.value}`]
      : []),
  ];
  if (wrong.length === 0) return;
  throw new WeirError({
    code: 'SIZES_INVALID',
    message: `got ${wrong.join('; ')}`,
    fix: 'A member without a partition idles: give more partitions, or fewer of the others. Partitions of a topic that is used never change.',
  });
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
