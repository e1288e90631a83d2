import {
  assembleModule,
  type Code,
  f32GreaterOrEqual,
  f32Load,
  f32NotEqual,
  f64x2Add,
  i32,
  i32Add,
  i32And,
  i32LessThan,
  i32Load,
  i32Load16,
  i32Load8,
  i32Multiply,
  i32ShiftRight,
  i32Store8,
  i32Subtract,
  i32Xor,
  i8x16Add,
  i8x16GreaterThan,
  i8x16LoadSplat,
  i8x16Splat,
  i8x16Subtract,
  type Local,
  localAt,
  repeatWhile,
  select,
  v128And,
  v128Load,
  v128Select,
  v128Store,
  valueTypes,
} from './wasm-assembler.ts';
import { depthMax, nodeBytes, nodeFields, rowsOfBlock, slotBytes, slotFields, type TreeMemory } from './tree-memory.ts';

/**
 * The module that scores rows by blocks of sixteen, without a branch that depends on a row: `run(blocks)`.
 *
 *     row of features --> rank in each slot --> leaf of each tree --> sum of the leaves' vectors
 *        16 x f32           slots x 16 x i8       trees x 16 x u8       16 x (margin, contributions)
 *
 * All nodes of a tree are compared, sixteen rows an instruction; then masks choose, from the bottom up, which leaf each
 * row is in. A leaf fixes its path, so what the path gives every feature is one vector that is added as it stands.
 */
export function emitTreeModule(memory: TreeMemory): Uint8Array<ArrayBuffer> {
  const scoreBlock = [
    ...rankBlock(memory),
    ...findLeaves(memory),
    ...sumVectors(memory),
    ...increase(inputAt, memory.inputRowBytes * rowsOfBlock),
    ...increase(outputAt, memory.vectorBytes * rowsOfBlock),
    ...increase(block, 1),
  ];
  return assembleModule(
    {
      name: 'run',
      parameters: 1,
      locals: [
        { count: integerCount, type: valueTypes.i32 },
        { count: values.length, type: valueTypes.f32 },
        { count: sums.length + 2 * masks.length, type: valueTypes.v128 },
      ],
      body: [
        ...inputAt.set(i32(memory.inputStart)),
        ...outputAt.set(i32(memory.outputStart)),
        ...repeatWhile(i32LessThan(block.get, blocks.get), scoreBlock),
      ],
    },
    memory.pages,
  );
}

/** How many rows one search ranks side by side, so that their loads overlap. */
const rowsOfSearch = 4;

/** How many vectors are summed in one pass over the trees: about what a processor has registers for. */
const vectorsOfPass = 8;

const blocks = localAt(0);
const block = localAt(1);
const inputAt = localAt(2);
const outputAt = localAt(3);
const slotAt = localAt(4);
const rowsAt = localAt(5);
const ranksAt = localAt(6);
const tableAt = localAt(7);
const step = localAt(8);
const treeAt = localAt(9);
const leavesAt = localAt(10);
const leafAt = localAt(11);
const row = localAt(12);
const vectorsAt = localAt(13);
const sumsAt = localAt(14);
const positions = localsFrom(15, rowsOfSearch);
const integerCount = 14 + rowsOfSearch;
const values = localsFrom(1 + integerCount, rowsOfSearch);
const firstVector = 1 + integerCount + rowsOfSearch;
const sums = localsFrom(firstVector, vectorsOfPass);
const masks = Array.from({ length: depthMax }, (_, level) => ({
  mask: localAt(firstVector + vectorsOfPass + 2 * level),
  bit: localAt(firstVector + vectorsOfPass + 2 * level + 1),
}));

function localsFrom(first: number, count: number): Local[] {
  return Array.from({ length: count }, (_, index) => localAt(first + index));
}

function increase(local: Local, by: number): Code {
  return local.set(i32Add(local.get, i32(by)));
}

/** Ranks sixteen rows in every slot, by a binary search whose steps depend on the slot only. */
function rankBlock(memory: TreeMemory): Code {
  const feature = i32Add(rowsAt.get, i32Load(slotAt.get, slotFields.feature));
  const searchRows = [
    ...values.flatMap((value, lane) => value.set(f32Load(feature, lane * memory.inputRowBytes))),
    ...positions.flatMap((position) => position.set(i32(0))),
    ...step.set(i32Load(slotAt.get, slotFields.firstStep)),
    ...repeatWhile(step.get, [...positions.flatMap(stepOnce), ...step.set(halfStep)]),
    ...positions.flatMap((_, lane) => i32Store8(ranksAt.get, lane, rankOf(lane))),
    ...increase(rowsAt, memory.inputRowBytes * rowsOfSearch),
    ...increase(ranksAt, rowsOfSearch),
  ];
  return [
    ...slotAt.set(i32(memory.slotsStart)),
    ...ranksAt.set(i32(memory.ranksStart)),
    ...repeatWhile(i32LessThan(slotAt.get, i32(memory.slotsEnd)), [
      ...rowsAt.set(inputAt.get),
      ...tableAt.set(i32Load(slotAt.get, slotFields.table)),
      // A slot's ranks begin at a multiple of 16: the rows are done when that is reached again.
      ...repeatWhile(i32And(ranksAt.get, i32(rowsOfBlock - 1)), searchRows),
      ...increase(slotAt, slotBytes),
    ]),
  ];
}

/** Half the step, of four bytes a threshold; 0 after the last. */
const halfStep = i32And(i32ShiftRight(step.get, i32(1)), i32(~3));

/** Adds the step to a position when the value reaches the threshold there. */
function stepOnce(position: Local, lane: number): Code {
  const threshold = f32Load(i32Add(i32Add(tableAt.get, position.get), step.get), 0);
  const reaches = f32GreaterOrEqual(values[lane]!.get, threshold);
  return position.set(i32Add(position.get, i32And(step.get, i32Subtract(i32(0), reaches))));
}

/** A row's rank less 128, since bytes are compared with their sign. */
function rankOf(lane: number): Code {
  const value = values[lane]!.get;
  const found = i32ShiftRight(positions[lane]!.get, i32(2));
  const missing = i32Load(slotAt.get, slotFields.missingRank);
  const rank = select({ condition: f32NotEqual(value, value), whenTrue: missing, whenFalse: found });
  return i32Xor(rank, i32(128));
}

/** Writes the leaf of every tree, counted from the left, for sixteen rows. */
function findLeaves(memory: TreeMemory): Code {
  const leaf = i8x16Subtract(i8x16Splat(0), negativeLeaf({ memory, node: 0, level: 0 }));
  return [
    ...masks.flatMap(({ bit }, level) => bit.set(i8x16Splat(-(2 ** Math.max(memory.depth - 1 - level, 0))))),
    ...treeAt.set(i32(memory.nodesStart)),
    ...leavesAt.set(i32(memory.leavesStart)),
    ...repeatWhile(i32LessThan(leavesAt.get, i32(memory.leavesEnd)), [
      ...v128Store(leavesAt.get, 0, leaf),
      ...increase(treeAt, memory.treeBytes),
      ...increase(leavesAt, rowsOfBlock),
    ]),
  ];
}

type NodePlace = { readonly memory: TreeMemory; readonly node: number; readonly level: number };

/**
 * The leaf below a node, counted from the leftmost one below it, times -1: a comparison gives -1 to a row that goes
 * right, which is the last level's part of that number as it stands.
 */
function negativeLeaf({ memory, node, level }: NodePlace): Code {
  const entry = node * nodeBytes;
  const rank = v128Load(i32Load16(treeAt.get, entry + nodeFields.ranks), memory.ranksStart);
  const isRight = i8x16GreaterThan(rank, i8x16LoadSplat(treeAt.get, entry + nodeFields.place));
  if (level === memory.depth - 1) return isRight;
  const { mask, bit } = masks[level]!;
  const below = v128Select({
    ones: negativeLeaf({ memory, node: 2 * node + 2, level: level + 1 }),
    zeros: negativeLeaf({ memory, node: 2 * node + 1, level: level + 1 }),
    mask: mask.tee(isRight),
  });
  return i8x16Add(below, v128And(mask.get, bit.get));
}

/** Sums the vectors of every row's leaves in the order of the trees, a few of a vector's parts in each pass. */
function sumVectors(memory: TreeMemory): Code {
  const passes: Code[] = [];
  for (let first = 0; first < memory.vectorBytes; first += 16 * sums.length) {
    const parts = sums.slice(0, Math.min(sums.length, (memory.vectorBytes - first) / 16));
    const address = i32Add(vectorsAt.get, i32Multiply(i32Load8(leavesAt.get, 0), i32(memory.vectorBytes)));
    passes.push([
      ...parts.flatMap((sum, index) => sum.set(v128Load(i32(memory.baseStart), first + 16 * index))),
      ...leavesAt.set(i32Add(i32(memory.leavesStart), row.get)),
      ...vectorsAt.set(i32(memory.vectorsStart)),
      ...repeatWhile(i32LessThan(leavesAt.get, i32(memory.leavesEnd)), [
        ...leafAt.set(address),
        ...parts.flatMap((sum, index) => sum.set(f64x2Add(sum.get, v128Load(leafAt.get, first + 16 * index)))),
        ...increase(vectorsAt, 2 ** memory.depth * memory.vectorBytes),
        ...increase(leavesAt, rowsOfBlock),
      ]),
      ...parts.flatMap((sum, index) => v128Store(sumsAt.get, first + 16 * index, sum.get)),
    ]);
  }
  return [
    ...row.set(i32(0)),
    ...sumsAt.set(outputAt.get),
    ...repeatWhile(i32LessThan(row.get, i32(rowsOfBlock)), [
      ...passes.flat(),
      ...increase(sumsAt, memory.vectorBytes),
      ...increase(row, 1),
    ]),
  ];
}
