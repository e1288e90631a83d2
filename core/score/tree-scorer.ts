import { explainRow, type Model } from './model.ts';
import { createThresholdSlots } from './threshold-slots.ts';
import {
  fillTreeMemory,
  planTreeMemory,
  rowsOfBlock,
  rowsOfCall,
  type SumKind,
  type TreeMemory,
} from './tree-memory.ts';
import { emitTreeModule } from './wasm-trees.ts';

/** Scores rows of a model's features. Code, not state: it is never part of a checkpoint. */
export type TreeScorer = {
  readonly engine: 'wasm' | 'javascript';
  /** Why the model does not run in WebAssembly; null when it does. */
  readonly fallback: string | null;
  /** The most rows of one call. */
  readonly rowsMax: number;
  /** Where the rows are put, one after the other: the model's features in its order, NaN for a missing one. */
  readonly input: Float32Array;
  /** How many sums a row has. */
  readonly sumsOfRow: number;
  /** Where the sums of the rows are found: the margin, then what each feature contributed. */
  readonly output: Float64Array;
  /** Scores the first rows of the input. */
  readonly run: (rowCount: number) => void;
};

export type TreeScorerOptions = {
  /** `contributions` unless told otherwise. */
  readonly sums?: SumKind;
  /** `fastest` unless told otherwise: WebAssembly where it is there and the model fits. */
  readonly engine?: 'fastest' | 'javascript';
};

/** Makes the scorer of a model. Both engines give the same bits. */
export function createTreeScorer(model: Model, options: TreeScorerOptions = {}): TreeScorer {
  const { sums = 'contributions', engine = 'fastest' } = options;
  if (engine === 'javascript') return walkingScorer(model, { sums, fallback: 'JavaScript was asked for' });
  const slots = createThresholdSlots(model.trees);
  const memory = planTreeMemory({ model, slots, sums });
  if (typeof memory === 'string') return walkingScorer(model, { sums, fallback: memory });
  const instance = instantiate(memory);
  if (typeof instance === 'string') return walkingScorer(model, { sums, fallback: instance });
  const { buffer, run } = instance;
  fillTreeMemory(memory, buffer, { model, slots });
  const sumsOfRow = memory.vectorBytes / 8;
  return {
    engine: 'wasm',
    fallback: null,
    rowsMax: rowsOfCall,
    input: new Float32Array(buffer, memory.inputStart, rowsOfCall * model.featureNames.length),
    sumsOfRow,
    output: new Float64Array(buffer, memory.outputStart, rowsOfCall * sumsOfRow),
    run: (rowCount) => run(Math.ceil(requireRows(rowCount) / rowsOfBlock)),
  };
}

/** The part of WebAssembly's interface that is used here (https://webassembly.github.io/spec/js-api/). */
declare const WebAssembly: {
  readonly validate: (bytes: Uint8Array<ArrayBuffer>) => boolean;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => {
    readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }; readonly run: (blocks: number) => void };
  };
};

type Instance = { readonly buffer: ArrayBuffer; readonly run: (blocks: number) => void };

/** Compiles the module of a memory, or says in words why it cannot be. */
function instantiate(memory: TreeMemory): Instance | string {
  if (typeof WebAssembly === 'undefined') return 'got no WebAssembly';
  const bytes = emitTreeModule(memory);
  if (!WebAssembly.validate(bytes)) return 'got a WebAssembly without SIMD';
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  return { buffer: exports.memory.buffer, run: exports.run };
}

function walkingScorer(model: Model, { sums, fallback }: { sums: SumKind; fallback: string }): TreeScorer {
  const featureCount = model.featureNames.length;
  const sumsOfRow = sums === 'margin' ? 1 : 1 + featureCount;
  const input = new Float32Array(rowsOfCall * featureCount);
  const output = new Float64Array(rowsOfCall * sumsOfRow);
  const run = (rowCount: number): void => {
    for (let row = 0; row < requireRows(rowCount); row += 1) {
      const { margin, contributions } = explainRow(model, input.subarray(row * featureCount, (row + 1) * featureCount));
      output[row * sumsOfRow] = margin;
      if (sums === 'contributions') output.set(contributions, row * sumsOfRow + 1);
    }
  };
  return { engine: 'javascript', fallback, rowsMax: rowsOfCall, input, sumsOfRow, output, run };
}

function requireRows(rowCount: number): number {
  if (rowCount <= rowsOfCall) return rowCount;
  throw new Error(`got ${rowCount} rows, expected at most ${rowsOfCall}`);
}
