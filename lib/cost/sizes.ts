/** Hours, and seconds, of the month that prices are told for. */
export const hoursMonth = 730;
export const secondsMonth = hoursMonth * 3600;

const gib = 2 ** 30;
const mib = 2 ** 20;

/** What each part is filled to at most; the rest is for peaks and for the loss of one. */
export const utilisation = { broker: 0.75, shard: 0.75, dynamo: 0.7, task: 0.7 } as const;

/** What one of each takes. */
export const capacity = {
  /** express.m7g.large, MiB/s in. */
  brokerInMib: 15.625,
  shardInMib: 1,
  shardRecordsPerSecond: 1000,
  putUnitBytes: 25 * 1024,
  pollerUnitMb: 20,
  /** A function of 1,769 MB has one vCPU. */
  lambdaGb: 1769 / 1024,
  taskGbPerVcpu: 2,
} as const;

/** Zones that brokers and tasks are spread over. */
const zones = 3;

type Rate = { readonly eventsPerSecond: number; readonly eventBytes: number };

/** Events of a month. */
export function eventsMonth({ eventsPerSecond }: Pick<Rate, 'eventsPerSecond'>): number {
  return eventsPerSecond * secondsMonth;
}

/** GiB of a month. */
export function gibMonth(rate: Rate): number {
  return (eventsMonth(rate) * rate.eventBytes) / gib;
}

/** MiB in a second. */
function mibPerSecond({ eventsPerSecond, eventBytes }: Rate): number {
  return (eventsPerSecond * eventBytes) / mib;
}

/** Express brokers, as many in each zone. */
export function brokersFor(rate: Rate): number {
  const needed = mibPerSecond(rate) / (capacity.brokerInMib * utilisation.broker);
  return zones * Math.max(1, Math.ceil(needed / zones));
}

/** Shards, for records that hold one event each or, aggregated, as many as fit. */
export function shardsFor(rate: Rate & { readonly isAggregated: boolean }): number {
  const byBytes = mibPerSecond(rate) / (capacity.shardInMib * utilisation.shard);
  const byRecords = rate.eventsPerSecond / (capacity.shardRecordsPerSecond * utilisation.shard);
  return Math.max(1, Math.ceil(rate.isAggregated ? byBytes : Math.max(byBytes, byRecords)));
}

/** PUT units of a month: one begins with each 25 KiB of a record. */
export function putUnitsMonth(rate: Rate & { readonly isAggregated: boolean }): number {
  const units = rate.eventBytes / capacity.putUnitBytes;
  return eventsMonth(rate) * (rate.isAggregated ? units : Math.ceil(units));
}

/** Tasks of one vCPU, one in each zone at least. */
export function tasksFor({ eventsPerSecond, cpuUs }: { eventsPerSecond: number; cpuUs: number }): number {
  return Math.max(zones, Math.ceil((eventsPerSecond * cpuUs) / 1e6 / utilisation.task));
}

/** Units of processing of Managed Flink, without the one that orchestrates. */
export function kpusFor({ eventsPerSecond, cpuUs }: { eventsPerSecond: number; cpuUs: number }): number {
  return Math.max(1, Math.ceil((eventsPerSecond * cpuUs) / 1e6 / utilisation.task));
}
