import type { ColumnSpace } from '../decode/column-space.ts';
import { type ForeignReads, layOutForeignReads } from '../features/columnar-foreign.ts';
import type { Outcome } from './decision.ts';

/** The outcomes by their number in `DecisionColumns.outcome`, the mildest first. */
export const outcomes: readonly Outcome[] = ['approve', 'review', 'stepUp', 'decline'];

/** How many reasons a model gives at most, and how many places a row has for them. */
export const modelReasonsMax = 4;

/** What a batch is laid out for. */
export type DecisionLayout = {
  readonly rowsMax: number;
  /** Live and shadow rules of the rule set. */
  readonly ruleCount: number;
  /** Keys whose values are read from views; 0 unless told otherwise. */
  readonly foreignCount?: number;
};

/** What was decided about the authorizations of a batch, a column a property; other rows hold whatever was there. */
export type DecisionColumns = DecisionLayout &
  ForeignReads & {
    /** 32-bit words of `ruleHits` a row. */
    readonly ruleWords: number;
    /** 0 to 1000. */
    readonly score: Uint16Array;
    /** A place in `outcomes`. */
    readonly outcome: Uint8Array;
    /** How many of the row's `modelReasonsMax` places hold a reason of the model. */
    readonly reasonCount: Uint8Array;
    /** The feature of a reason, by its place in the model. */
    readonly reasonFeature: Uint16Array;
    /** The customer's normal of a reason's feature; NaN when there is none. */
    readonly reasonBaseline: Float64Array;
    /** Log-odds. */
    readonly reasonContribution: Float64Array;
    /** Rule i of the rule set hit when bit i % 32 of the row's word i / 32 is set. */
    readonly ruleHits: Uint32Array;
  };

/** Lays out the decisions of at most `rowsMax` records. */
export function layOutDecisions(
  space: ColumnSpace,
  { rowsMax, ruleCount, foreignCount = 0 }: DecisionLayout,
): DecisionColumns {
  const ruleWords = Math.ceil(ruleCount / 32);
  return {
    rowsMax,
    ruleCount,
    ruleWords,
    score: space.uint16(rowsMax),
    outcome: space.uint8(rowsMax),
    reasonCount: space.uint8(rowsMax),
    reasonFeature: space.uint16(rowsMax * modelReasonsMax),
    reasonBaseline: space.float64(rowsMax * modelReasonsMax),
    reasonContribution: space.float64(rowsMax * modelReasonsMax),
    ruleHits: space.uint32(rowsMax * ruleWords),
    ...layOutForeignReads(space, { rowsMax, foreignCount }),
  };
}

/** Which row a decision is copied from, and which to. */
export type RowCopy = { readonly from: DecisionColumns; readonly to: DecisionColumns; readonly row: number };

/** Takes over the decision of a row as it was recorded. */
export function adoptDecision({ from, to, row }: RowCopy): void {
  to.score[row] = from.score[row]!;
  to.outcome[row] = from.outcome[row]!;
  to.reasonCount[row] = from.reasonCount[row]!;
  for (let place = row * modelReasonsMax; place < (row + 1) * modelReasonsMax; place += 1) {
    to.reasonFeature[place] = from.reasonFeature[place]!;
    to.reasonBaseline[place] = from.reasonBaseline[place]!;
    to.reasonContribution[place] = from.reasonContribution[place]!;
  }
  for (let word = row * to.ruleWords; word < (row + 1) * to.ruleWords; word += 1) {
    to.ruleHits[word] = from.ruleHits[word]!;
  }
  for (let place = row * to.foreignCount; place < (row + 1) * to.foreignCount; place += 1) {
    to.foreignOffset[place] = from.foreignOffset[place]!;
    to.foreignAgeMs[place] = from.foreignAgeMs[place]!;
  }
}
