import { type ColumnarBaselines, normalIn } from './columnar-baselines.ts';
import { type DecisionColumns, modelReasonsMax } from './decision-columns.ts';
import type { BoundModel } from './model.ts';

/**
 * Writes the reasons of a row as `modelReasons` gives them, by what the features contributed: the model's first one
 * `contributions[first]`. Positional, since it is called for every row.
 */
export type ReasonWriter = (
  row: number,
  contributions: Float64Array,
  first: number,
  normal: CustomerNormal,
  batch: ReasonBatch,
) => void;

/** Where the customer's normal is: a slot of the baselines, -1 for none. */
export type CustomerNormal = { baselines: ColumnarBaselines; slot: number };

/** The batch whose rows are explained: a feature vector a row, and where the reasons go. */
export type ReasonBatch = { readonly values: Float64Array; readonly out: DecisionColumns };

/** Makes the writer of a model's reasons; it has space for one row, so that none is made for each. */
export function createReasonWriter({ columns, vectorLength }: BoundModel): ReasonWriter {
  const largest = new Int32Array(modelReasonsMax);
  const normals = new Float64Array(modelReasonsMax);
  const isUnusual = new Uint8Array(modelReasonsMax);
  return (row, contributions, first, { baselines, slot }, { values, out }) => {
    const found = findLargest(largest, columns.length, contributions, first);
    let unusual = 0;
    for (let place = 0; place < found; place += 1) {
      const column = columns[largest[place]!]!;
      const normal = normalIn(baselines, slot, column);
      normals[place] = normal;
      // Neither a missing value nor a missing normal equals anything: both are NaN.
      isUnusual[place] = values[row * vectorLength + column] === normal ? 0 : 1;
      unusual += isUnusual[place]!;
    }
    let target = row * modelReasonsMax;
    for (let place = 0; place < found; place += 1) {
      if (unusual > 0 && isUnusual[place] === 0) continue;
      out.reasonFeature[target] = largest[place]!;
      out.reasonBaseline[target] = normals[place]!;
      out.reasonContribution[target] = contributions[first + largest[place]!]!;
      target += 1;
    }
    out.reasonCount[row] = target - row * modelReasonsMax;
  };
}

/** Puts the features that contributed the most into `largest`, and returns how many there are. Positional as above. */
function findLargest(largest: Int32Array, count: number, contributions: Float64Array, first: number): number {
  let found = 0;
  for (let feature = 0; feature < count; feature += 1) {
    const contribution = contributions[first + feature]!;
    if (contribution <= 0) continue;
    if (found === modelReasonsMax && !(contribution > contributions[first + largest[found - 1]!]!)) continue;
    let place = found < modelReasonsMax ? found++ : found - 1;
    for (; place > 0 && contributions[first + largest[place - 1]!]! < contribution; place -= 1) {
      largest[place] = largest[place - 1]!;
    }
    largest[place] = feature;
  }
  return found;
}
