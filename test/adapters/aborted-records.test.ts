import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AbortedTransaction, type MarkedBatch, withoutAborted } from '../../adapters/kafka/aborted-records.ts';

const transactional = 1 << 4;
const control = (1 << 5) | transactional;

type Batch = MarkedBatch & { readonly isGood: boolean };

/** A partition's batches: transactions of a few producers with others between their records, and those that were aborted. */
function partitionOf(
  steps: readonly { readonly producer: number; readonly act: 'write' | 'commit' | 'abort' | 'plain' }[],
) {
  const batches: (Batch & { isGood: boolean })[] = [];
  const open = new Map<number, { readonly firstOffset: bigint; readonly written: { isGood: boolean }[] }>();
  const aborted: (AbortedTransaction & { readonly markOffset: bigint })[] = [];
  let next = 0n;
  for (const { producer, act } of steps) {
    const producerId = BigInt(producer);
    const at = { firstOffset: next, lastOffsetDelta: producer, producerId };
    next += BigInt(producer + 1);
    if (act === 'plain') batches.push({ ...at, attributes: 0, records: [], isGood: true });
    else if (act === 'write') {
      const batch = { ...at, attributes: transactional, records: [], isGood: true };
      batches.push(batch);
      const known = open.get(producer);
      if (known === undefined) open.set(producer, { firstOffset: at.firstOffset, written: [batch] });
      else known.written.push(batch);
    } else {
      const known = open.get(producer);
      open.delete(producer);
      const key = Uint8Array.of(0, 0, 0, act === 'abort' ? 0 : 1);
      batches.push({ ...at, lastOffsetDelta: 0, attributes: control, records: [{ key }], isGood: true });
      if (act === 'commit' || known === undefined) continue;
      for (const batch of known.written) batch.isGood = false;
      aborted.push({ producerId, firstOffset: known.firstOffset, markOffset: at.firstOffset });
    }
  }
  return { batches, aborted };
}

const stepArbitrary = fc.record({
  producer: fc.nat(3),
  act: fc.constantFrom<('write' | 'commit' | 'abort' | 'plain')[]>('write', 'write', 'commit', 'abort', 'plain'),
});

test('of the batches of an answer those of aborted transactions are left out, wherever the answer begins and ends', () => {
  let left = 0;
  const stepsArbitrary = fc.array(stepArbitrary, { minLength: 20, maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(stepsArbitrary, fc.nat(20), fc.nat(60), (steps, from, count) => {
      const { batches, aborted } = partitionOf(steps);
      const answer = batches.slice(from, from + count);
      const [start, end] = [answer[0]?.firstOffset ?? 0n, answer.at(-1)?.firstOffset ?? 0n];
      // A broker names those that reach into what it answers, in any order.
      const named = aborted.filter(({ firstOffset, markOffset }) => firstOffset <= end && markOffset >= start);
      const kept = withoutAborted(answer, named.toReversed());
      expect(kept).toEqual(answer.filter(({ isGood }) => isGood));
      left += answer.length - kept.length;
    }),
    { numRuns: 500 },
  );
  expect(left).toBeGreaterThan(500);
});
