import { describe, expect, test } from 'vitest';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { disputeContract } from '../../core/contract/dispute.ts';
import { controlTopic } from '../../core/engine/record.ts';
import { encodeTick } from '../../core/engine/ticks.ts';
import { count } from '../../core/features/define.ts';
import { defineFlow, joinIntervals, panes } from '../../core/features/define-flow.ts';
import { arriveFlow, createFlow, createFlowState, type FlowEffects, stepFlow } from '../../core/flow-pipeline.ts';
import { sampleAuthorization, sampleDispute } from '../contract/sample-events.ts';

const inputs = { payment: authorizationContract, dispute: disputeContract };
const pairFlow = createFlow(
  defineFlow({
    name: 'pairs',
    version: 1,
    inputs,
    outputs: ({ payment, dispute }) => ({
      pairs: joinIntervals(payment, dispute)
        .on(payment.accountId, dispute.accountId)
        .within({ after: '1d' })
        .of((paid) => ({ amount: paid.amountMinor })),
    }),
  }),
  { watermarkPer: 'topic', partitions: 1 },
);

const flow = createFlow(
  defineFlow({
    name: 'disputes',
    version: 1,
    inputs: { dispute: disputeContract },
    outputs: ({ dispute }) => ({ days: panes(dispute).by(dispute.accountId).tumbling('1d').of({ disputes: count() }) }),
  }),
  { watermarkPer: 'topic', partitions: 1 },
);

/** Takes bodies at the time of the sample, one record each. */
function take(...bodies: readonly unknown[]): FlowEffects {
  const arrivals = bodies.map((body, offset) => {
    const bytes = new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body));
    const record = {
      topic: disputeContract.topic,
      partition: 0,
      offset,
      ingestTimeMs: sampleDispute.eventTimeMs,
      bytes,
    };
    return arriveFlow(flow.contracts, record);
  });
  return stepFlow(flow, createFlowState(), { arrivals, known: new Map() });
}

test('a copy does not wake an input that is idle, an event does', () => {
  const state = createFlowState();
  const watermarksMs: (number | undefined)[] = [];
  let offset = 0;
  const known = new Map<string, string>();
  const give = (topic: string, ingestTimeMs: number, bytes: Uint8Array): void => {
    const record = { topic, partition: 0, offset: offset++, ingestTimeMs, bytes };
    const effects = stepFlow(pairFlow, state, { arrivals: [arriveFlow(pairFlow.contracts, record)], known });
    for (const { idHash, bodyHash } of effects.acceptedKeys) known.set(idHash, bodyHash);
    watermarksMs.push(state.sections.get(0)?.watermarks.stateMs);
  };
  const bytesOf = (event: object): Uint8Array => new TextEncoder().encode(JSON.stringify(event));
  const pay = (id: string, eventTimeMs: number): void => {
    give(authorizationContract.topic, 1e12, bytesOf({ ...sampleAuthorization, eventId: id, eventTimeMs }));
  };
  const dispute = (id: string, eventTimeMs: number): void => {
    give(disputeContract.topic, 1e12, bytesOf({ ...sampleDispute, eventId: id, eventTimeMs }));
  };
  dispute('d1', 1_000_000);
  give(controlTopic, 1e12 + 60_000, encodeTick({ kind: 'tick', afterOffset: 0 }));
  pay('p1', 2_000_000);
  dispute('d1', 1_000_000);
  pay('p2', 3_000_000);
  dispute('d2', 2_990_000);
  pay('p3', 4_000_000);
  expect(watermarksMs).toEqual([995_000, 995_000, 1_995_000, 1_995_000, 2_995_000, 2_995_000, 2_995_000]);
});

describe('what a flow takes', () => {
  test('a copy is counted and enters once', () => {
    const { counts, acceptedKeys } = take(sampleDispute, sampleDispute);
    expect([counts.get('duplicates'), acceptedKeys.length]).toEqual([1, 1]);
  });

  test('another body under a known id is a dead letter with its bytes', () => {
    const other = { ...sampleDispute, reason: sampleDispute.reason === 'fraud' ? 'other' : 'fraud' };
    const { deadLetters, acceptedKeys } = take(sampleDispute, other);
    expect(deadLetters).toMatchObject([{ offset: 1, refusal: { code: 'conflict' } }]);
    expect(JSON.parse(new TextDecoder().decode(deadLetters[0]?.bytes))).toEqual(other);
    expect(acceptedKeys).toHaveLength(1);
  });

  test('an event from the future is a dead letter and leaves the watermark where it is', () => {
    const future = { ...sampleDispute, eventId: 'f', eventTimeMs: sampleDispute.eventTimeMs + 300_001 };
    const { deadLetters, counts } = take(future, sampleDispute);
    expect(deadLetters).toMatchObject([{ offset: 0, refusal: { code: 'future' } }]);
    expect([counts.get('late'), counts.get('tooLate')]).toEqual([undefined, undefined]);
  });

  test('bytes that are no event are dead letters, and their neighbours enter', () => {
    const { deadLetters, acceptedKeys } = take('{', { ...sampleDispute, reason: 7 }, sampleDispute);
    expect(deadLetters.map(({ refusal }) => refusal.code)).toEqual(['notJson', 'contractViolation']);
    expect(acceptedKeys).toMatchObject([{ offset: 2 }]);
  });
});
