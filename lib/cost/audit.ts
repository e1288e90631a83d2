import { z } from 'zod';
import { costOf, designs } from './designs.ts';
import { createLoad, type Load } from './load.ts';
import { type CostLine, dynamoLines } from './parts.ts';
import { type PriceList, prices } from './prices.ts';
import { capacity, eventsMonth, gibMonth, hoursMonth, secondsMonth } from './sizes.ts';

/** One stream of a company, as its list has it; unknown fields are refused. */
export const workloadSchema = z.strictObject({
  name: z.string().min(1).max(80),
  eventsPerSecond: z.coerce.number().positive().max(1e8),
  eventBytes: z.coerce.number().positive().max(1_048_576),
  /** How old a result may be when it is used. */
  freshnessSeconds: z.coerce.number().positive(),
  /** none: each event alone; keyed: windows or joins of keys; ledger: each event books money as well. */
  state: z.enum(['none', 'keyed', 'ledger']),
});
export type AuditedWorkload = z.infer<typeof workloadSchema>;

/** What to do with a workload. */
export type AuditRow = AuditedWorkload & {
  readonly advice: 'stream' | 'batch';
  readonly streamDesign: string;
  readonly streamUsdMonth: number;
  /** null where no batch can be fresh enough. */
  readonly batchUsdMonth: number | null;
  readonly why: string;
};

/** A run of a batch starts a task, reads and writes: nothing is fresher. An assumption. */
export const batchSecondsMin = 300;
/** Files are written once a minute and collector, or when they are this large. */
const fileBytes = 128 * 2 ** 20;
const filesPerMinute = 3;
const runSecondsMin = 60;

/** Weighs each workload; the cheaper way wins wherever both are fresh enough. */
export function auditWorkloads(workloads: readonly AuditedWorkload[], list: PriceList = prices): AuditRow[] {
  return workloads.map((workload) => auditWorkload(workload, list));
}

function auditWorkload(workload: AuditedWorkload, list: PriceList): AuditRow {
  const load = loadOf(workload);
  const [stream] = designs
    .filter(({ hasState }) => hasState || workload.state === 'none')
    .map((design) => costOf(design, load, list))
    .toSorted((a, b) => a.usdMonth - b.usdMonth);
  if (stream === undefined) throw new Error('got no designs, expected some');
  const batch = batchUsd(load, workload.freshnessSeconds, list);
  const rest = { ...workload, streamDesign: stream.name, streamUsdMonth: stream.usdMonth };
  if (batch === null) {
    const why = `needed within ${workload.freshnessSeconds} s; a batch takes ${batchSecondsMin} s at least`;
    return { ...rest, advice: 'stream', batchUsdMonth: null, why };
  }
  const isBatchCheaper = batch < stream.usdMonth;
  const [low, high] = isBatchCheaper ? [batch, stream.usdMonth] : [stream.usdMonth, batch];
  const why = `both are fresh enough; ${isBatchCheaper ? 'a batch' : 'a stream'} costs ${((1 - low / high) * 100).toFixed(0)} % less`;
  return { ...rest, advice: isBatchCheaper ? 'batch' : 'stream', batchUsdMonth: batch, why };
}

function loadOf({ eventsPerSecond, eventBytes, state }: AuditedWorkload): Load {
  return createLoad({
    eventsPerSecond,
    eventBytes,
    workload: state === 'ledger' ? 'payments' : 'telemetry',
    ledgerUnitsPerEvent: state === 'ledger' ? 1 : 0,
  });
}

/** Files in S3 for a month, and a Spot task for each run; null when the result would be too old. */
function batchUsd(load: Load, freshnessSeconds: number, list: PriceList): number | null {
  if (freshnessSeconds < batchSecondsMin) return null;
  return batchLines(load, freshnessSeconds, list).reduce((sum, line) => sum + line.usdMonth, 0);
}

/**
 * The formulas of a batch: collect into files, read them once a run. Files are kept as long as a stream's log would be, or
 * until they are read; the ledger is written either way, evenly until the next run.
 */
export function batchLines(load: Load, freshnessSeconds: number, list: PriceList = prices): CostLine[] {
  const gib = gibMonth(load);
  const puts = Math.max((gib * 2 ** 30) / fileBytes, (filesPerMinute * secondsMonth) / 60);
  const runs = secondsMonth / freshnessSeconds;
  const computeSeconds = Math.max((eventsMonth(load) * load.workerCpuUs) / 1e6, runs * runSecondsMin);
  const keptGib = (gib * Math.max(load.retentionHours, freshnessSeconds / 3600)) / hoursMonth;
  const hour = list.fargateVcpuHour.usd + capacity.taskGbPerVcpu * list.fargateGbHour.usd;
  const { eventsPerSecond, ledgerUnitsPerEvent: unitsPerEvent } = load;
  return [
    {
      what: 'S3 PUTs',
      formula: `${Math.round(puts)} / 1000 x ${list.s3PutsThousand.usd}`,
      usdMonth: (puts / 1000) * list.s3PutsThousand.usd,
      prices: ['s3PutsThousand'],
    },
    {
      what: 'S3 storage',
      formula: `${keptGib.toFixed(1)} GiB x ${list.s3GbMonth.usd}`,
      usdMonth: keptGib * list.s3GbMonth.usd,
      prices: ['s3GbMonth'],
    },
    {
      what: 'Fargate Spot',
      formula: `${Math.round(computeSeconds)} s / 3600 x ${hour} x ${list.spotShare.usd}`,
      usdMonth: (computeSeconds / 3600) * hour * list.spotShare.usd,
      prices: ['fargateVcpuHour', 'fargateGbHour', 'spotShare'],
    },
    ...dynamoLines({ eventsPerSecond, unitsPerEvent, what: 'DynamoDB, ledger' }, list),
  ];
}
