import type { Arrival, ControlArrival, EventArrival } from './arrival.ts';
import { finiteOrNull } from './batch.ts';
import type { Refusal } from '../decode/refusal.ts';
import type { Admission, Candidate } from '../engine/admission.ts';
import { countUp, type Effects } from '../sinks/effects.ts';
import type { Weir } from './state.ts';

/** What the checks before acceptance need to know of an event. */
export function candidateOf(weir: Weir, { record, contract, event, bodyHash, idHash }: EventArrival): Candidate {
  return {
    input: weir.watermarkPer === 'input' ? 'input' : `${record.topic}/${record.partition}`,
    idHash,
    bodyHash,
    eventTimeMs: event.event.eventTimeMs,
    ingestTimeMs: record.ingestTimeMs,
    outOfOrdernessMs: contract.outOfOrdernessMs,
    allowedLatenessMs: contract.allowedLatenessMs,
    maxFutureMs: contract.maxFutureMs,
  };
}

/** Sends a record to the dead letters, with its original bytes. */
export function refuse(refused: {
  readonly arrival: Exclude<Arrival, ControlArrival>;
  readonly refusal: Refusal;
  readonly effects: Effects;
}): void {
  const { arrival, refusal, effects } = refused;
  const { partition, offset, ingestTimeMs } = arrival.record;
  const { bytes, topic } = arrival.kind === 'refused' ? arrival.decoded : arrival.record;
  effects.deadLetters.push({ topic, partition, offset, ingestTimeMs, refusal, bytes });
  countUp(effects.counts, `deadLetters.${refusal.code}`);
}

/** Events that do not enter the state: a copy is counted, a conflict or the future is refused, too late is kept whole. */
export function setAside(aside: {
  readonly arrival: EventArrival;
  readonly admission: Admission;
  readonly effects: Effects;
}): void {
  const { arrival, admission, effects } = aside;
  switch (admission.kind) {
    case 'duplicate':
      return countUp(effects.counts, 'duplicates');
    case 'conflict':
      return refuse({ arrival, refusal: conflict, effects });
    case 'future':
      return refuse({ arrival, refusal: future(admission.aheadMs, arrival.contract.maxFutureMs), effects });
    case 'onTime':
    case 'late':
      return undefined;
    case 'tooLate': {
      const { record, event } = arrival;
      const { lateByMs, watermarkMs } = admission;
      effects.lateEvents.push({
        topic: event.topic,
        offset: record.offset,
        reason: 'tooLate',
        event: event.event,
        lateByMs: finiteOrNull(lateByMs),
        watermarkMs: finiteOrNull(watermarkMs),
      });
    }
  }
}

/** Why a body under a known id is refused. */
export const conflict: Refusal = {
  code: 'conflict',
  message: 'got another body under an id that was accepted before, expected the same one or another id',
  issues: [{ path: 'eventId', got: 'a known id with another body', expected: 'one body for an id' }],
};

/** Why an event from the future is refused. */
export function future(aheadMs: number, maxFutureMs: number): Refusal {
  const got = `${aheadMs} ms after its ingest time`;
  const expected = `at most ${maxFutureMs} ms`;
  return {
    code: 'future',
    message: `got an event time ${got}, expected ${expected}`,
    issues: [{ path: 'eventTimeMs', got, expected }],
  };
}
