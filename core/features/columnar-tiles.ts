import type { TilePlan } from '../engine/hot-key-tile.ts';
import type { AggregateSpec } from '../engine/entry.ts';
import { deviationOf } from '../engine/columnar-aggregate.ts';
import type { ExactInteger } from '../engine/exact-sum.ts';
import { offsetWord } from '../engine/slab.ts';
import { compileCode, sampleCode } from './columnar-code.ts';
import type { KeyLayout } from './columnar-layout.ts';

/** Reads an aggregate's value off a tile; `fold` where the tile cannot say it exactly. */
export type TileReader = (tile: Float64Array) => number | 'fold';

type NumberedSpec = { readonly spec: AggregateSpec; readonly index: number };

/** What a tile keeps of the samples of one stream: those that share input, condition and `excludeSelf`. */
type Stream = { readonly spec: AggregateSpec; readonly slots: Map<Slot, number> };

type Slot = 'count' | 'high' | 'low' | 'squaresHigh' | 'squaresLow' | 'large' | 'min' | 'max';

/** Sums are kept in two halves of 26 bits each, so that those of 2^26 samples are exact. */
const halfValue = 2 ** 26;

/** The largest values whose halves, and whose square's halves, are exact. */
const sampleMax = Number.MAX_SAFE_INTEGER;
const squaredMax = 94_906_265;

/** Which aggregates of a key can be read off tiles, and what tiles keep for them. */
export function planTiles(
  specs: readonly NumberedSpec[],
  layout: KeyLayout,
  { fanout, sizeClass }: Pick<TilePlan, 'fanout' | 'sizeClass'>,
): { readonly tiles: TilePlan; readonly readers: ReadonlyMap<number, TileReader> } {
  const tiled = specs.filter(({ spec }) => isTiled(spec));
  const streams = new Map<string, Stream>();
  for (const { spec } of tiled) {
    const name = streamName(spec);
    const stream = streams.get(name) ?? { spec, slots: new Map() };
    streams.set(name, stream);
    for (const slot of slotsOf(spec)) stream.slots.set(slot, 0);
  }
  const all = [...streams.values()];
  const { sumSlots, minEnd, slots } = numberSlots(all);
  const readers = new Map<number, TileReader>();
  for (const { spec, index } of tiled) {
    const stream = streams.get(streamName(spec));
    if (stream !== undefined) readers.set(index, readerOf(spec, stream.slots));
  }
  const accumulate = compileAccumulate(all, layout);
  const path = { nodes: [], children: [], length: 0 };
  const excludesSelf = all.some(({ spec }) => spec.excludeSelf);
  const entry = new Float64Array(slots);
  return { tiles: { slots, sumSlots, minEnd, excludesSelf, fanout, sizeClass, entry, accumulate, path }, readers };
}

function isTiled({ kind, integer, sinceLast }: AggregateSpec): boolean {
  if (sinceLast !== null) return false;
  if (kind === 'count' || kind === 'min' || kind === 'max') return true;
  return integer && (kind === 'sum' || kind === 'avg' || kind === 'stddev');
}

function streamName({ input, where, excludeSelf }: AggregateSpec): string {
  return `${input} ${where} ${excludeSelf}`;
}

function slotsOf({ kind }: AggregateSpec): readonly Slot[] {
  switch (kind) {
    case 'sum':
    case 'avg':
      return ['count', 'high', 'low', 'large'];
    case 'stddev':
      return ['count', 'high', 'low', 'squaresHigh', 'squaresLow', 'large'];
    case 'min':
    case 'max':
      return ['count', kind];
    default:
      return ['count'];
  }
}

/** Gives every slot its number: sums first, then the least, then the most. */
function numberSlots(streams: readonly Stream[]): { sumSlots: number; minEnd: number; slots: number } {
  let next = 0;
  const number = (isWanted: (slot: Slot) => boolean): number => {
    for (const { slots } of streams) for (const slot of slots.keys()) if (isWanted(slot)) slots.set(slot, next++);
    return next;
  };
  const sumSlots = number((slot) => slot !== 'min' && slot !== 'max');
  const minEnd = number((slot) => slot === 'min');
  return { sumSlots, minEnd, slots: number((slot) => slot === 'max') };
}

function compileAccumulate(streams: readonly Stream[], layout: KeyLayout): TilePlan['accumulate'] {
  const bodies = streams.map(({ spec, slots }) => {
    const isOther = spec.excludeSelf ? `if (i32[q * 2 + ${offsetWord}] !== self)` : '';
    const use = [...slots].map(([slot, number]) => slotCode(slot, `tile[${number}]`, slots)).join(' ');
    return `${isOther} { ${sampleCode({ ...spec, kind: 'count' }, layout, use)} }`;
  });
  const body = `for (let p = from; p < until; p++) {\nconst q = p * ${layout.strideWords};\n${bodies.join('\n')}\n}`;
  return compileCode(['f64', 'i32', 'from', 'until', 'self', 'labelsUntilMs', 'tile'], body, {});
}

function slotCode(slot: Slot, place: string, slots: ReadonlyMap<Slot, number>): string {
  const squared = slots.has('squaresHigh');
  switch (slot) {
    case 'count':
      return `${place}++;`;
    case 'high':
      return `${place} += Math.floor(v / ${halfValue});`;
    case 'low':
      return `${place} += v - Math.floor(v / ${halfValue}) * ${halfValue};`;
    case 'squaresHigh':
      return `${place} += Math.floor(v * v / ${halfValue});`;
    case 'squaresLow':
      return `${place} += v * v - Math.floor(v * v / ${halfValue}) * ${halfValue};`;
    case 'large':
      return `if (!(Math.abs(v) <= ${squared ? squaredMax : sampleMax})) ${place}++;`;
    case 'min':
      return `if (v < ${place}) ${place} = v;`;
    case 'max':
      return `if (v > ${place}) ${place} = v;`;
  }
}

function readerOf(spec: AggregateSpec, slots: ReadonlyMap<Slot, number>): TileReader {
  const at = (slot: Slot): number => slots.get(slot) ?? 0;
  const [count, high, low, large] = [at('count'), at('high'), at('low'), at('large')];
  const sumOf = (tile: Float64Array): number => tile[high]! * halfValue + tile[low]!;
  switch (spec.kind) {
    case 'sum':
      return (tile) => (tile[large]! > 0 ? 'fold' : sumOf(tile));
    case 'avg':
      return (tile) => (tile[large]! > 0 ? 'fold' : tile[count] === 0 ? Number.NaN : sumOf(tile) / tile[count]!);
    case 'stddev':
      return deviationReader({
        count,
        large,
        sumOf: (tile) => exactOf(tile, high, low),
        squaresOf: (tile) => exactOf(tile, at('squaresHigh'), at('squaresLow')),
      });
    case 'min':
    case 'max': {
      const extreme = at(spec.kind);
      return (tile) => (tile[count] === 0 ? Number.NaN : tile[extreme]!);
    }
    default:
      return (tile) => tile[count]!;
  }
}

/** Above 2^53 the sums are BigInts. */
function deviationReader(slots: {
  readonly count: number;
  readonly large: number;
  readonly sumOf: (tile: Float64Array) => ExactInteger;
  readonly squaresOf: (tile: Float64Array) => ExactInteger;
}): TileReader {
  return (tile) => {
    const count = tile[slots.count]!;
    if (tile[slots.large]! > 0) return 'fold';
    if (count === 0) return Number.NaN;
    return deviationOf(count, slots.sumOf(tile), slots.squaresOf(tile));
  };
}

function exactOf(tile: Float64Array, high: number, low: number): ExactInteger {
  const sum = tile[high]! * halfValue + tile[low]!;
  return Number.isSafeInteger(sum) ? sum : BigInt(tile[high]!) * BigInt(halfValue) + BigInt(tile[low]!);
}
