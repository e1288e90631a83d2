import { finiteOrNull } from './batch.ts';
import type { FlowArrival, FlowEventArrival } from './flow-arrival.ts';
import type { FlowEffects } from './flow-effects.ts';
import { type Flow, type FlowSection, groupStates } from './flow-state.ts';
import { conflict, future } from './set-aside.ts';
import type { Refusal } from '../decode/refusal.ts';
import type { Admission, Candidate } from '../engine/admission.ts';
import type { FlowEvent } from '../engine/operator.ts';
import { countUp } from '../sinks/effects.ts';

/** What the checks before acceptance need to know of an event. */
export function flowCandidate({ watermarkPer }: Flow, arrival: FlowEventArrival): Candidate {
  const { record, contract, eventTimeMs, bodyHash, idHash } = arrival;
  return {
    input: `${watermarkPer === 'input' ? 'input' : record.topic}/${record.partition}`,
    idHash,
    bodyHash,
    eventTimeMs,
    ingestTimeMs: record.ingestTimeMs,
    outOfOrdernessMs: contract.outOfOrdernessMs,
    allowedLatenessMs: contract.allowedLatenessMs,
    maxFutureMs: contract.maxFutureMs,
  };
}

type Lateness = Extract<Admission, { readonly kind: 'onTime' | 'late' | 'tooLate' }>;

/** Gives an event to every output of its topic, or to the late sink; the key groups that it touched. */
export function enter(
  flow: Flow,
  section: FlowSection,
  {
    arrival,
    admission,
    effects,
  }: {
    readonly arrival: FlowEventArrival;
    readonly admission: Lateness;
    readonly effects: FlowEffects;
  },
): ReadonlySet<number> {
  const { record, bodyHash, idHash } = arrival;
  effects.acceptedKeys.push({ idHash, bodyHash, offset: record.offset });
  countUp(effects.counts, `accepted.${record.topic}`);
  if (admission.kind !== 'onTime') countUp(effects.counts, admission.kind);
  if (admission.kind === 'tooLate') {
    sendLate(effects, { arrival, admission, output: null });
    return new Set();
  }
  const event = flowEventOf(arrival, admission.kind);
  const touched = new Set<number>();
  for (const [index, { operator, groupOf }] of flow.operators.entries()) {
    if (!operator.topics.includes(record.topic)) continue;
    const group = groupOf(event);
    touched.add(group);
    const state = groupStates(flow, section, group)[index];
    const outcome = operator.take(state, event, section.watermarks.stateMs, (row) => effects.rows.push(row));
    if (outcome === 'stateLimit') sendLate(effects, { arrival, admission, output: operator.output });
  }
  return touched;
}

/** Lets the watermark act on key groups. */
export function passFlowTime(
  flow: Flow,
  section: FlowSection,
  { groups, effects }: { readonly groups: Iterable<number>; readonly effects: FlowEffects },
): void {
  const { stateMs } = section.watermarks;
  for (const group of groups) {
    const states = section.groups.get(group);
    if (states === undefined) continue;
    for (const [index, { operator }] of flow.operators.entries()) {
      operator.passTime(states[index], stateMs, (row) => effects.rows.push(row));
    }
  }
}

/** Sends what the outputs keep back until the end of a batch. */
export function endFlowBatch(flow: Flow, section: FlowSection, effects: FlowEffects): void {
  for (const states of section.groups.values()) {
    for (const [index, { operator }] of flow.operators.entries()) {
      operator.endBatch(states[index], (row) => effects.rows.push(row));
    }
  }
}

/** Counts a copy, or refuses a conflict or an event from the future. */
export function setFlowAside(
  arrival: FlowEventArrival,
  admission: Exclude<Admission, Lateness>,
  effects: FlowEffects,
): void {
  switch (admission.kind) {
    case 'duplicate':
      return countUp(effects.counts, 'duplicates');
    case 'conflict':
      return refuseFlow({ record: arrival.record, refusal: conflict, effects });
    case 'future': {
      const refusal = future(admission.aheadMs, arrival.contract.maxFutureMs);
      return refuseFlow({ record: arrival.record, refusal, effects });
    }
  }
}

/** Sends a record to the dead letters, with its original bytes and the topic that they were meant for. */
export function refuseFlow(refused: {
  readonly record: FlowArrival['record'];
  readonly refusal: Refusal;
  readonly effects: FlowEffects;
  readonly meant?: { readonly topic: string; readonly bytes: Uint8Array };
}): void {
  const { record, refusal, effects, meant = record } = refused;
  const { partition, offset, ingestTimeMs } = record;
  const { topic, bytes } = meant;
  effects.deadLetters.push({ topic, partition, offset, ingestTimeMs, refusal, bytes });
  countUp(effects.counts, `deadLetters.${refusal.code}`);
}

function flowEventOf(arrival: FlowEventArrival, lateness: FlowEvent['lateness']): FlowEvent {
  const { record, tenantId, topicKey, eventId, eventTimeMs, event } = arrival;
  const { topic, partition, offset, ingestTimeMs } = record;
  return { topic, tenantId, eventTimeMs, ingestTimeMs, partition, offset, topicKey, eventId, lateness, event };
}

function sendLate(
  effects: FlowEffects,
  {
    arrival,
    admission,
    output,
  }: {
    readonly arrival: FlowEventArrival;
    readonly admission: Lateness;
    readonly output: string | null;
  },
): void {
  const { lateness: _lateness, ...event } = flowEventOf(arrival, 'late');
  const reason = output === null ? 'tooLate' : 'stateLimit';
  if (output !== null) countUp(effects.counts, `stateLimit.${output}`);
  effects.lateEvents.push({
    ...event,
    reason,
    output,
    lateByMs: finiteOrNull(admission.lateByMs),
    watermarkMs: finiteOrNull(admission.watermarkMs),
  });
}
