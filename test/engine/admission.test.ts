import { describe, expect, test } from 'vitest';
import {
  admit,
  advanceByEvent,
  advanceToEnd,
  type Candidate,
  createAdmissionState,
  forgetIds,
} from '../../core/engine/admission.ts';
import { createWatermarks } from '../../core/engine/watermark.ts';

const limits = { outOfOrdernessMs: 5000, allowedLatenessMs: 60_000, maxFutureMs: 300_000 };

/** An admission of its own, as functions that read like a log. */
function openAdmission() {
  const state = createAdmissionState();
  const watermarks = createWatermarks();
  const candidate = (fields: Partial<Candidate>): Candidate => ({
    input: 'input',
    idHash: `id-${fields.eventTimeMs}`,
    bodyHash: 'body-1',
    eventTimeMs: 0,
    ingestTimeMs: fields.eventTimeMs ?? 0,
    ...limits,
    ...fields,
  });
  return {
    state,
    watermarks,
    judge: (fields: Partial<Candidate>, knownBodyHash?: string) =>
      admit(state, watermarks, candidate(fields), knownBodyHash),
    take: (fields: Partial<Candidate>, knownBodyHash?: string) => {
      const admission = admit(state, watermarks, candidate(fields), knownBodyHash);
      advanceByEvent(watermarks, candidate(fields));
      return admission;
    },
  };
}

describe('lateness', () => {
  test('the first event is on time, whenever it is', () => {
    const { judge } = openAdmission();
    expect(judge({ eventTimeMs: 0 })).toMatchObject({ kind: 'onTime', lateByMs: 0, watermarkMs: -Infinity });
  });

  test.each([
    [95_001, 'onTime', 0],
    [95_000, 'late', 0],
    [94_999, 'late', 1],
    [35_001, 'late', 59_999],
    [35_000, 'tooLate', 60_000],
    [0, 'tooLate', 95_000],
  ])('behind a watermark of 95000 an event at %i is %s', (eventTimeMs, kind, lateByMs) => {
    const { take, judge } = openAdmission();
    take({ eventTimeMs: 100_000 });
    expect(judge({ eventTimeMs })).toEqual({ kind, lateByMs, watermarkMs: 95_000 });
  });

  test('is judged at the source: another input has its own watermark', () => {
    const { take, judge } = openAdmission();
    take({ eventTimeMs: 50_000, input: 'b' });
    take({ eventTimeMs: 100_000, input: 'a' });
    expect(judge({ eventTimeMs: 60_000, input: 'a', idHash: 'x' }).kind).toBe('late');
    expect(judge({ eventTimeMs: 60_000, input: 'b', idHash: 'y' }).kind).toBe('onTime');
  });

  test('of an input that comes late is judged by the state, which has forgotten what is older', () => {
    const { take, judge } = openAdmission();
    take({ eventTimeMs: 100_000, input: 'a' });
    expect(judge({ eventTimeMs: 95_001, input: 'b' }).kind).toBe('onTime');
    expect(judge({ eventTimeMs: 35_001, input: 'b' })).toEqual({ kind: 'late', lateByMs: 59_999, watermarkMs: 95_000 });
    expect(judge({ eventTimeMs: 35_000, input: 'b' }).kind).toBe('tooLate');
  });

  test('after the end of the input everything is too late', () => {
    const { watermarks, judge } = openAdmission();
    advanceToEnd(watermarks);
    expect(judge({ eventTimeMs: 1_000_000, input: 'unseen' })).toMatchObject({ kind: 'tooLate', lateByMs: Infinity });
  });
});

describe('the future', () => {
  test('begins after the limit, and nothing of it is remembered', () => {
    const { state, judge } = openAdmission();
    expect(judge({ eventTimeMs: 300_001, ingestTimeMs: 0 })).toEqual({ kind: 'future', aheadMs: 300_001 });
    expect(state.remembered.size).toBe(0);
    expect(judge({ eventTimeMs: 300_000, ingestTimeMs: 0 }).kind).toBe('onTime');
  });

  test('comes before the check for copies', () => {
    const { take, judge } = openAdmission();
    take({ eventTimeMs: 400_000, idHash: 'same' });
    expect(judge({ eventTimeMs: 400_000, ingestTimeMs: 0, idHash: 'same' }).kind).toBe('future');
  });
});

describe('an id', () => {
  test('with the same body is a duplicate, with another one a conflict, and the first one wins', () => {
    const { take, judge } = openAdmission();
    take({ idHash: 'same' });
    expect(judge({ idHash: 'same' }).kind).toBe('duplicate');
    expect(judge({ idHash: 'same', bodyHash: 'body-2' }).kind).toBe('conflict');
    expect(judge({ idHash: 'same' }).kind).toBe('duplicate');
  });

  test('that the ledger knows is one too, by a prefix of its body hash', () => {
    const { judge } = openAdmission();
    expect(judge({ bodyHash: 'abcdef' }, 'abcd').kind).toBe('duplicate');
    expect(judge({ bodyHash: 'abcdef' }, 'abce').kind).toBe('conflict');
  });

  test('of a too-late event is remembered, and its copy is a duplicate', () => {
    const { take, judge } = openAdmission();
    take({ eventTimeMs: 100_000 });
    expect(take({ eventTimeMs: 1000, idHash: 'old' }).kind).toBe('tooLate');
    expect(judge({ eventTimeMs: 1000, idHash: 'old' }).kind).toBe('duplicate');
  });

  test('is forgotten once a copy would be too late, and not a millisecond before', () => {
    const { state, watermarks, take } = openAdmission();
    take({ eventTimeMs: 1000, idHash: 'old' });
    take({ eventTimeMs: 65_999, idHash: 'new' });
    forgetIds(state, watermarks);
    expect([...state.remembered.keys()]).toEqual(['old', 'new']);
    take({ eventTimeMs: 66_000, idHash: 'newest' });
    forgetIds(state, watermarks);
    expect([...state.remembered.keys()]).toEqual(['new', 'newest']);
  });
});
