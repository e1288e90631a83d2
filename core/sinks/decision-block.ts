import { createColumnSpace, measureLayout, type ColumnSpace } from '../decode/column-space.ts';
import { countAt, type EventColumns, operations } from '../decode/event-columns.ts';
import type { DecisionColumns } from '../score/decision-columns.ts';

/** The decisions of one batch, close together: what the journal keeps before anything derives from them. */
export type DecisionBlock = {
  /** Decisions, features a decision, words of rule hits a decision, views read for a decision. */
  readonly shape: Uint32Array;
  readonly offset: Float64Array;
  /** Feature vectors, a row a decision. */
  readonly values: Float64Array;
  readonly score: Uint16Array;
  readonly outcome: Uint8Array;
  readonly reasonCount: Uint8Array;
  readonly reasonFeature: Uint16Array;
  readonly reasonBaseline: Float64Array;
  readonly reasonContribution: Float64Array;
  readonly ruleHits: Uint32Array;
  readonly foreignOffset: Float64Array;
  readonly foreignAgeMs: Float64Array;
};

const reasonsOfRow = 4;

/** A batch whose rows have their decisions. */
export type DecidedBatch = {
  readonly columns: EventColumns;
  /** Feature vectors, one a row of the batch. */
  readonly values: Float64Array;
  readonly featureCount: number;
  readonly decisions: DecisionColumns;
};

/**
 * Makes what copies the decisions of a batch into bytes, valid until it is called again; null when the batch has none.
 * Memory of its own for each batch would keep the collector busy.
 */
export function createDecisionPacker(): (batch: DecidedBatch) => Uint8Array | null {
  let memory = new ArrayBuffer(0);
  return (batch) => {
    const shape = shapeOf(batch);
    if (shape.count === 0) return null;
    const sizeBytes = measureLayout((space) => layOut(space, shape));
    if (memory.byteLength < sizeBytes) memory = new ArrayBuffer(sizeBytes);
    const bytes = new Uint8Array(memory, 0, sizeBytes);
    bytes.fill(0);
    packInto(layOut(createColumnSpace(memory), shape), batch);
    return bytes;
  };
}

function shapeOf({ columns, featureCount, decisions }: DecidedBatch): Shape {
  const { op } = columns;
  const rows = columns.counts[countAt.rows]!;
  let count = 0;
  for (let row = 0; row < rows; row++) if (op[row] === operations.authorization) count++;
  return { count, featureCount, hitWords: decisions.ruleWords, foreignCount: decisions.foreignCount };
}

function packInto(block: DecisionBlock, batch: DecidedBatch): void {
  const { columns, featureCount, decisions } = batch;
  const { op } = columns;
  const rows = columns.counts[countAt.rows]!;
  block.shape.set([block.offset.length, featureCount, decisions.ruleWords, decisions.foreignCount]);
  let to = 0;
  // Nearly every row is a decision, so they are copied in long runs of neighbours.
  for (let row = 0; row < rows; row++) {
    if (op[row] !== operations.authorization) continue;
    const from = row;
    while (row + 1 < rows && op[row + 1] === operations.authorization) row++;
    copyRun(batch, { from, until: row + 1, to }, block);
    to += row + 1 - from;
  }
}

type Run = { readonly from: number; readonly until: number; readonly to: number };

/** Copies the decisions of the rows `[from, until)` to the block's rows from `to` on. */
function copyRun(batch: DecidedBatch, { from, until, to }: Run, block: DecisionBlock): void {
  const { columns, values, featureCount, decisions } = batch;
  const { score, outcome, reasonCount, reasonFeature, reasonBaseline, reasonContribution, ruleHits } = decisions;
  const firstOffset = columns.firstOffset[0]!;
  for (let row = from; row < until; row++) block.offset[to + row - from] = firstOffset + row;
  block.values.set(values.subarray(from * featureCount, until * featureCount), to * featureCount);
  block.score.set(score.subarray(from, until), to);
  block.outcome.set(outcome.subarray(from, until), to);
  block.reasonCount.set(reasonCount.subarray(from, until), to);
  const reasons = [from * reasonsOfRow, until * reasonsOfRow] as const;
  block.reasonFeature.set(reasonFeature.subarray(...reasons), to * reasonsOfRow);
  block.reasonBaseline.set(reasonBaseline.subarray(...reasons), to * reasonsOfRow);
  block.reasonContribution.set(reasonContribution.subarray(...reasons), to * reasonsOfRow);
  const words = decisions.ruleWords;
  block.ruleHits.set(ruleHits.subarray(from * words, until * words), to * words);
  const { foreignCount: width, foreignOffset, foreignAgeMs } = decisions;
  block.foreignOffset.set(foreignOffset.subarray(from * width, until * width), to * width);
  block.foreignAgeMs.set(foreignAgeMs.subarray(from * width, until * width), to * width);
}

/** Reads back what `createDecisionPacker` packs. The bytes are copied. */
export function unpackDecisions(bytes: Uint8Array): DecisionBlock {
  const buffer = new Uint8Array(bytes).buffer;
  const [count = 0, featureCount = 0, hitWords = 0, foreignCount = 0] = new Uint32Array(buffer, 0, 4);
  return layOut(createColumnSpace(buffer), { count, featureCount, hitWords, foreignCount });
}

/** Writes a kept decision into a row of a batch's columns. */
export function adoptDecision(
  block: DecisionBlock,
  from: number,
  { decisions, row }: { readonly decisions: DecisionColumns; readonly row: number },
): void {
  const hitWords = block.shape[2]!;
  decisions.score[row] = block.score[from]!;
  decisions.outcome[row] = block.outcome[from]!;
  decisions.reasonCount[row] = block.reasonCount[from]!;
  copyRow(block.reasonFeature, { from, to: row, width: reasonsOfRow }, decisions.reasonFeature);
  copyRow(block.reasonBaseline, { from, to: row, width: reasonsOfRow }, decisions.reasonBaseline);
  copyRow(block.reasonContribution, { from, to: row, width: reasonsOfRow }, decisions.reasonContribution);
  copyRow(block.ruleHits, { from, to: row, width: hitWords }, decisions.ruleHits);
  const width = block.shape[3]!;
  copyRow(block.foreignOffset, { from, to: row, width }, decisions.foreignOffset);
  copyRow(block.foreignAgeMs, { from, to: row, width }, decisions.foreignAgeMs);
}

type Shape = {
  readonly count: number;
  readonly featureCount: number;
  readonly hitWords: number;
  readonly foreignCount: number;
};

function layOut(space: ColumnSpace, { count, featureCount, hitWords, foreignCount }: Shape): DecisionBlock {
  return {
    shape: space.uint32(4),
    offset: space.float64(count),
    values: space.float64(count * featureCount),
    score: space.uint16(count),
    outcome: space.uint8(count),
    reasonCount: space.uint8(count),
    reasonFeature: space.uint16(count * reasonsOfRow),
    reasonBaseline: space.float64(count * reasonsOfRow),
    reasonContribution: space.float64(count * reasonsOfRow),
    ruleHits: space.uint32(count * hitWords),
    foreignOffset: space.float64(count * foreignCount),
    foreignAgeMs: space.float64(count * foreignCount),
  };
}

type Numbers = Float64Array | Uint32Array | Uint16Array | Uint8Array;

function copyRow(
  source: Numbers,
  { from, to, width }: { readonly from: number; readonly to: number; readonly width: number },
  target: Numbers,
): void {
  for (let i = 0; i < width; i++) target[to * width + i] = source[from * width + i]!;
}
