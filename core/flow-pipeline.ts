import { admit, advanceByEvent, advanceToEnd, forgetIds } from './engine/admission.ts';
import { endPartition, noteSpoken, rest, tick, wake } from './engine/idleness.ts';
import { countUp } from './sinks/effects.ts';
import { arriveFlow, type FlowArrival, type FlowEventArrival } from './steps/flow-arrival.ts';
import { createFlowEffects, type FlowEffects } from './steps/flow-effects.ts';
import {
  createFlow,
  createFlowState,
  type Flow,
  type FlowSection,
  type FlowState,
  sectionOf,
} from './steps/flow-state.ts';
import { endFlowBatch, enter, flowCandidate, passFlowTime, refuseFlow, setFlowAside } from './steps/flow-take.ts';

export { arriveFlow, createFlow, createFlowState };
export type { Flow, FlowArrival, FlowEffects, FlowState };

/** What one step takes in: records of one or several partitions, each partition's in the order of its offsets. */
export type FlowBatch = {
  readonly arrivals: readonly FlowArrival[];
  /** Of the batch's ids: the body hash, or a prefix of it, of those that were accepted before this batch. */
  readonly known: ReadonlyMap<string, string>;
};

/**
 * The core of flows: takes a batch into the state of panes, sessions and joins, and says what the sinks shall hold. No
 * clock, no dice, no input or output.
 */
export function stepFlow(flow: Flow, state: FlowState, batch: FlowBatch): FlowEffects {
  const effects = createFlowEffects();
  for (const arrival of batch.arrivals) {
    const section = sectionOf(flow, state, arrival.record.partition);
    const beforeMs = section.watermarks.stateMs;
    const touched = takeRecord(flow, state, { section, arrival, batch, effects });
    const hasMoved = section.watermarks.stateMs > beforeMs;
    passFlowTime(flow, section, { groups: hasMoved ? section.groups.keys() : touched, effects });
    countUp(effects.counts, 'records');
  }
  for (const section of state.sections.values()) {
    endFlowBatch(flow, section, effects);
    forgetIds(section.admission, section.watermarks);
  }
  return effects;
}

type Taken<A> = {
  readonly section: FlowSection;
  readonly arrival: A;
  readonly batch: FlowBatch;
  readonly effects: FlowEffects;
};

/** The key groups that the record touched. */
function takeRecord(flow: Flow, state: FlowState, taken: Taken<FlowArrival>): Iterable<number> {
  const { section, arrival, effects } = taken;
  switch (arrival.kind) {
    case 'event':
      return takeEvent(flow, { ...taken, arrival });
    case 'ignored':
      countUp(effects.counts, `ignored.${arrival.record.topic}`);
      return [];
    case 'refused': {
      const { record, decoded } = arrival;
      refuseFlow({ record, refusal: decoded.refusal, effects, meant: decoded });
      return [];
    }
    case 'control': {
      const { partition, ingestTimeMs } = arrival.record;
      if (arrival.control.kind === 'tick') tick(section.idleness, section.watermarks, { partition, ingestTimeMs });
      else end(flow, state, { section, partition });
      return [];
    }
  }
}

/** Decoded and within its contract; then future, duplicate or conflict, lateness; then into the outputs. */
function takeEvent(flow: Flow, { section, arrival, batch, effects }: Taken<FlowEventArrival>): Iterable<number> {
  const { watermarks, idleness } = section;
  const candidate = flowCandidate(flow, arrival);
  const { input, ingestTimeMs } = candidate;
  const wasIdle = wake(idleness, watermarks, input);
  const admission = admit(section.admission, watermarks, candidate, batch.known.get(arrival.idHash));
  switch (admission.kind) {
    case 'future':
    case 'conflict':
    case 'duplicate':
      if (wasIdle) rest(idleness, watermarks, input);
      setFlowAside(arrival, admission, effects);
      return [];
    default: {
      const touched = enter(flow, section, { arrival, admission, effects });
      noteSpoken(idleness, { input, ingestTimeMs, idleMs: arrival.contract.idleMs });
      advanceByEvent(watermarks, candidate);
      return touched;
    }
  }
}

/** The end of a partition: of its section's input, or of one of several that feed the same state. */
function end(
  { plan, partitions }: Flow,
  { endedPartitions }: FlowState,
  { section, partition }: { readonly section: FlowSection; readonly partition: number },
): void {
  endedPartitions.add(partition);
  if (plan.scope === 'partition' || endedPartitions.size >= partitions) advanceToEnd(section.watermarks);
  else endPartition(section.idleness, section.watermarks, partition);
}
