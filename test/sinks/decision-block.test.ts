import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ColumnSpace, createColumnSpace, measureLayout } from '../../core/decode/column-space.ts';
import { countAt, layOutEvents, operations } from '../../core/decode/event-columns.ts';
import { type DecisionColumns, layOutDecisions } from '../../core/score/decision-columns.ts';
import { adoptDecision, createDecisionPacker, unpackDecisions } from '../../core/sinks/decision-block.ts';
import { openStream, type RandomStream, wholeBelow } from '../../simulate/random.ts';

const rowsMax = 30;

/** A batch of random decisions; rows of other operations hold numbers too, which nobody may read. */
function randomBatch(seed: number, { featureCount, ruleCount }: { featureCount: number; ruleCount: number }) {
  const random = openStream({ seed, name: 'decisions' });
  const size = { layout: { numbers: [], texts: [] }, rowsMax, textBytesMax: 0 };
  const layOut = (space: ColumnSpace) => ({
    columns: layOutEvents(space, size),
    decisions: layOutDecisions(space, { rowsMax, ruleCount }),
    other: layOutDecisions(space, { rowsMax, ruleCount }),
    values: space.float64(rowsMax * featureCount),
  });
  const batch = layOut(createColumnSpace(new ArrayBuffer(measureLayout(layOut))));
  const { columns, values, decisions } = batch;
  columns.counts[countAt.rows] = wholeBelow(random, rowsMax + 1);
  columns.firstOffset[0] = 2 ** 33 + wholeBelow(random, 1000);
  for (let row = 0; row < rowsMax; row += 1) columns.op[row] = wholeBelow(random, 3);
  values.forEach((_, at) => (values[at] = random() < 0.2 ? Number.NaN : random() * 1e9 - 5e8));
  fillDecisions(decisions, random);
  return { ...batch, featureCount };
}

function fillDecisions(decisions: DecisionColumns, random: RandomStream): void {
  const { score, outcome, reasonCount, reasonFeature, ruleHits, reasonBaseline, reasonContribution } = decisions;
  for (const whole of [score, outcome, reasonCount, reasonFeature, ruleHits]) {
    whole.forEach((_, at) => (whole[at] = wholeBelow(random, 2 ** 32)));
  }
  for (const broken of [reasonBaseline, reasonContribution]) {
    broken.forEach((_, at) => (broken[at] = random() < 0.2 ? Number.NaN : random() - 0.5));
  }
}

/** All that a row says, by column. */
function decisionAt(decisions: DecisionColumns, row: number): unknown {
  const part = (column: { slice(start: number, end: number): ArrayLike<number> }, width: number): number[] =>
    Array.from(column.slice(row * width, (row + 1) * width));
  return {
    one: [decisions.score[row], decisions.outcome[row], decisions.reasonCount[row]],
    features: part(decisions.reasonFeature, 4),
    baselines: part(decisions.reasonBaseline, 4),
    contributions: part(decisions.reasonContribution, 4),
    hits: part(decisions.ruleHits, decisions.ruleWords),
  };
}

const shapeArbitrary = fc.record({ featureCount: fc.nat(5), ruleCount: fc.nat(70) });

test('what is packed, unpacked and adopted is every decision as it was, with its vector', () => {
  let adopted = 0;
  fc.assert(
    fc.property(fc.nat(), shapeArbitrary, (seed, shape) => {
      const batch = randomBatch(seed, shape);
      const { columns, decisions, other, values, featureCount } = batch;
      const rows = Array.from({ length: columns.counts[countAt.rows]! }, (_, row) => row);
      const decided = rows.filter((row) => columns.op[row] === operations.authorization);
      const bytes = createDecisionPacker()(batch);
      expect(bytes === null).toBe(decided.length === 0);
      if (bytes === null) return;
      // As a log hands bytes out: a view at any place of a larger block.
      const block = unpackDecisions(Buffer.concat([Buffer.alloc(3), bytes]).subarray(3));
      expect([...block.offset]).toEqual(decided.map((row) => columns.firstOffset[0]! + row));
      for (const [from, row] of decided.entries()) {
        adoptDecision(block, from, { decisions: other, row });
        expect(decisionAt(other, row)).toEqual(decisionAt(decisions, row));
        const vector = values.slice(row * featureCount, (row + 1) * featureCount);
        expect(block.values.slice(from * featureCount, (from + 1) * featureCount)).toEqual(vector);
        adopted += 1;
      }
    }),
    { numRuns: 100 },
  );
  expect(adopted).toBeGreaterThan(200);
});

test('a batch without decisions packs to nothing', () => {
  const batch = randomBatch(1, { featureCount: 2, ruleCount: 3 });
  batch.columns.op.fill(operations.clearing);
  expect(createDecisionPacker()(batch)).toBeNull();
});

test('adopting changes no other row', () => {
  const batch = randomBatch(2, { featureCount: 2, ruleCount: 33 });
  batch.columns.counts[countAt.rows] = rowsMax;
  batch.columns.op.fill(operations.authorization);
  const block = unpackDecisions(createDecisionPacker()(batch) ?? new Uint8Array());
  adoptDecision(block, 3, { decisions: batch.other, row: 7 });
  expect(decisionAt(batch.other, 7)).toEqual(decisionAt(batch.decisions, 3));
  const untouched = [6, 8].map((row) => decisionAt(batch.other, row));
  expect(JSON.stringify(untouched)).not.toMatch(/[1-9]/);
});
