import { type Workload, workerCpu, flinkCpu } from './measured.ts';

/** What is asked of a design. */
export type Load = {
  readonly eventsPerSecond: number;
  readonly eventBytes: number;
  readonly workload: Workload;
  readonly retentionHours: number;
  /** Write units that the ledger takes for one event: 0 without a ledger, 1 a conditional write, 4 a transaction of two items. */
  readonly ledgerUnitsPerEvent: number;
  /** Writes of state for one event where a function keeps none between its calls. */
  readonly stateWritesPerEvent: number;
  readonly workerCpuUs: number;
  readonly flinkCpuUs: number;
  /** Events that one call of a function gets. */
  readonly batchEvents: number;
  /** Share of the tasks that are not on Spot. */
  readonly onDemandShare: number;
};

/** The units that a ledger costs for one event. */
export const ledgerUnits = { none: 0, conditional: 1, transaction: 4 } as const;

/** A load with everything that was not asked for at its default. */
export function createLoad(
  asked: Pick<Load, 'eventsPerSecond' | 'eventBytes'> & { readonly [Name in keyof Load]?: Load[Name] | undefined },
): Load {
  const workload = asked.workload ?? ((asked.ledgerUnitsPerEvent ?? 0) > 0 ? 'payments' : 'telemetry');
  return {
    eventsPerSecond: asked.eventsPerSecond,
    eventBytes: asked.eventBytes,
    workload,
    retentionHours: asked.retentionHours ?? 24,
    ledgerUnitsPerEvent: asked.ledgerUnitsPerEvent ?? ledgerUnits.none,
    stateWritesPerEvent: asked.stateWritesPerEvent ?? 1,
    workerCpuUs: asked.workerCpuUs ?? workerCpu[workload].cpuUsPerEvent,
    flinkCpuUs: asked.flinkCpuUs ?? flinkCpu[workload].cpuUsPerEvent,
    batchEvents: asked.batchEvents ?? 1000,
    onDemandShare: asked.onDemandShare ?? 0.25,
  };
}
