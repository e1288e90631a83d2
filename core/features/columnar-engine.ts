import type { EventColumns, EventLayout } from '../decode/event-columns.ts';
import type { Interner } from '../decode/interner.ts';
import type { Samples } from '../engine/columnar-aggregate.ts';
import type { KeyPlan } from '../engine/columnar-keys.ts';
import { createTile } from '../engine/hot-key-tile.ts';
import type { AggregateSpec } from '../engine/entry.ts';
import { keyEventsMaxDefault } from '../engine/key-gaps.ts';
import { sizeClassOf, type SlabSegment } from '../engine/slab.ts';
import {
  aggregateType,
  compileCode,
  compileEvaluate,
  compileGather,
  compileReadFields,
  compileWriteEntry,
  writeEvaluate,
  type Evaluate,
  type Gather,
  type ReadFields,
  type WriteEntry,
} from './columnar-code.ts';
import { compileFold, type Fold } from './columnar-fold.ts';
import { createColumnarFunctions, type ColumnarFunctions } from './columnar-functions.ts';
import { fieldCode, layOutKey, type KeyLayout } from './columnar-layout.ts';
import type { SettledColumns } from './columnar-settled.ts';
import { planTiles, type TileReader } from './columnar-tiles.ts';
import type { ForeignKey } from './foreign-plan.ts';
import type { ViewMoment } from './key-view.ts';
import type { Plan, PlanLabel } from './plan.ts';

/** A plan made ready to run over columns: everything here follows from the plan and the options, nothing is state. */
export type ColumnarFeatures = {
  readonly plan: Plan;
  readonly interner: Interner;
  readonly allowedLatenessMs: number;
  /** How far back windows over the label look; 0 when there are none. */
  readonly labelReachMs: number;
  readonly featureCount: number;
  /** Events that a key may hold in the windows of one field; it takes no more until some have left. */
  readonly keyEventsMax: number;
  readonly keys: readonly KeyEngine[];
  /** Those of `keys` whose windows another state holds, and the features by them, which do not settle here. */
  readonly foreignKeys: readonly KeyEngine[];
  readonly foreign: readonly ForeignKey[];
  readonly foreignFeatures: readonly number[];
  readonly readFields: ReadFields;
  readonly evaluate: Evaluate;
  /** Does row `r`, an event of the label's topic, carry the label? */
  readonly carriesLabel: (columns: EventColumns, r: number) => boolean;
  /** What is written anew for each event: no state. */
  readonly scratch: Scratch;
};

/** One plan key: where its entries stand and how its aggregates are read. */
export type KeyEngine = {
  readonly key: number;
  /** Its windows are in another state: what they say is read from views. */
  readonly isForeign: boolean;
  readonly layout: KeyLayout;
  readonly store: KeyPlan;
  /** How far back its windows look, in milliseconds. */
  readonly reachMs: number;
  readonly readKey: (columns: EventColumns, r: number) => number;
  readonly writeEntry: WriteEntry;
  readonly aggregates: readonly AggregateEngine[];
  /** The same by window, and there by whether tiles say them. */
  readonly windows: readonly WindowEngine[];
  /** All aggregates of a key with one block at once. */
  readonly fold: Fold;
  /** The asking entry by itself, where it is not in the state. */
  readonly self: SlabSegment;
  readonly tile: Float64Array;
};

/** The aggregates of one window. */
export type WindowEngine = {
  readonly overMs: number;
  readonly delayedByMs: number;
  readonly tiled: readonly AggregateEngine[];
  readonly others: readonly AggregateEngine[];
};

/** One aggregate. `index` is its number in the plan. */
export type AggregateEngine = {
  readonly index: number;
  readonly spec: AggregateSpec;
  readonly isText: boolean;
  readonly gather: Gather;
  /** The samples of all entries, the asking one included, without an end. */
  readonly gatherAll: Gather;
  /** How it is read off tiles; null where it cannot be. */
  readonly tile: TileReader | null;
  /** The number of its running countDistinct of decisions in a hot key; the settled one is next. -1 without. */
  readonly cursor: number;
};

/** What is written anew for each event. */
export type Scratch = {
  readonly samples: Samples;
  readonly aggregates: Float64Array;
  readonly keys: Int32Array;
  /** The keys of an event that were full; -1 for the others. */
  readonly refused: Int32Array;
  readonly asking: Asking;
  settled: SettledColumns | null;
  /** For each of the plan's keys what a view says of it at the event's time; null where there is none. */
  readonly views: (ViewMoment | null)[];
  /** A label that the next event brings along, and the earliest of the last one's labels. +Infinity without. */
  broughtLabelMs: number;
  labelTimeMs: number;
};

/** The moment that asks, as the readable `Asking`. */
export type Asking = {
  timeMs: number;
  /** The lower half of the asking event's offset. */
  self: number;
  labelsUntilMs: number;
  selfIs: 'inside' | 'outside';
  /** Before a key's reach is taken off. */
  horizonMs: number;
};

/** From when on a key is busy, and how its entries lie then. */
export type BlockSizes = {
  /** A key with more entries than this is hot. */
  readonly blockEntries?: number;
  /** Entries of a block of a hot key. */
  readonly leafEntries?: number;
  /** Children of a node of a hot key. */
  readonly fanout?: number;
};

/** How the engine is made. */
export type ColumnarOptions = BlockSizes & {
  /** The longest allowed lateness of the topics that the state reads, in milliseconds. */
  readonly allowedLatenessMs: number;
  readonly interner: Interner;
  readonly layout: EventLayout;
  readonly keyEventsMax?: number | undefined;
  readonly foreign?: readonly ForeignKey[] | undefined;
};

/** Makes a plan ready to run over columns of a layout. Throws when the layout lacks a field that the plan reads. */
export function createColumnarFeatures(plan: Plan, options: ColumnarOptions): ColumnarFeatures {
  const { allowedLatenessMs, interner, layout, keyEventsMax = keyEventsMaxDefault, foreign = [] } = options;
  const constants: string[] = [];
  const layouts = plan.keys.map((_, key) => layOutKey(plan, key, { layout, constants }));
  const aggregateTypes = plan.aggregates.map((spec) => aggregateType(spec, layouts[spec.key]!));
  const body = writeEvaluate(plan, { layout, aggregateTypes, constants });
  const functions = createColumnarFunctions(interner, constants);
  const overLabel = plan.aggregates.filter((spec) => spec.usesLabel);
  const keys = layouts.map((keyLayout) => createKeyEngine(plan, keyLayout, { options, functions }));
  return {
    plan,
    interner,
    allowedLatenessMs,
    labelReachMs: Math.max(0, ...overLabel.map((spec) => spec.overMs + spec.delayedByMs)),
    featureCount: plan.features.length,
    keyEventsMax,
    keys,
    foreignKeys: keys.filter(({ isForeign }) => isForeign),
    foreign,
    foreignFeatures: foreign.flatMap(({ features }) => features),
    readFields: compileReadFields(plan, layout, functions),
    evaluate: compileEvaluate(body, functions),
    carriesLabel: compileCarriesLabel(plan.label, { layout, interner }),
    scratch: createScratch(plan),
  };
}

function createKeyEngine(
  plan: Plan,
  layout: KeyLayout,
  { options, functions }: { readonly options: ColumnarOptions; readonly functions: ColumnarFunctions },
): KeyEngine {
  const { blockEntries = 128, leafEntries = 32, fanout = 8 } = options;
  const specs = plan.aggregates.flatMap((spec, index) => (spec.key === layout.key ? [{ spec, index }] : []));
  const { tiles, readers } = planTiles(specs, layout, { fanout, sizeClass: sizeClassOf(blockEntries, leafEntries) });
  let cursors = 0;
  const aggregates = specs.map(({ spec, index }): AggregateEngine => {
    const isRunning = spec.kind === 'countDistinct' && spec.sinceLast === null;
    if (isRunning) cursors += 2;
    return {
      index,
      spec,
      isText: aggregateType(spec, layout) === 'text',
      gather: compileGather(spec, layout),
      gatherAll: compileGather({ ...spec, excludeSelf: false, sinceLast: null, kind: 'count' }, layout),
      tile: readers.get(index) ?? null,
      cursor: isRunning ? cursors - 2 : -1,
    };
  });
  const self = new Float64Array(layout.strideWords);
  return {
    key: layout.key,
    isForeign: options.foreign?.some(({ key }) => key === layout.key) ?? false,
    layout,
    store: { strideWords: layout.strideWords, hasLabels: layout.hasLabels, blockEntries, cursors, tiles },
    reachMs: Math.max(0, ...specs.map(({ spec }) => spec.overMs + spec.delayedByMs)),
    readKey: compileReadKey(plan.keys[layout.key] ?? '', options.layout),
    writeEntry: compileWriteEntry(layout, functions),
    aggregates,
    windows: windowsOf(aggregates),
    fold: compileFold(specs, layout, blockEntries),
    self: { f64: self, i32: new Int32Array(self.buffer) },
    tile: createTile(tiles),
  };
}

function windowsOf(aggregates: readonly AggregateEngine[]): WindowEngine[] {
  const byWindow = Map.groupBy(aggregates, ({ spec }) => `${spec.overMs} ${spec.delayedByMs}`);
  return [...byWindow.values()].map((ofWindow) => ({
    overMs: ofWindow[0]?.spec.overMs ?? 0,
    delayedByMs: ofWindow[0]?.spec.delayedByMs ?? 0,
    tiled: ofWindow.filter(({ tile }) => tile !== null),
    others: ofWindow.filter(({ tile }) => tile === null),
  }));
}

function compileReadKey(path: string, layout: EventLayout): KeyEngine['readKey'] {
  const { code, type } = fieldCode(layout, path);
  if (type !== 'text') throw new Error(`got the number ${path} as a key, expected a text`);
  return compileCode(['columns', 'r'], `return ${code};`, {});
}

/** Compares as the readable engine does: a truth value of an event is the number 0 or 1 and equals no boolean. */
function compileCarriesLabel(
  label: PlanLabel | null,
  { layout, interner }: { readonly layout: EventLayout; readonly interner: Interner },
): ColumnarFeatures['carriesLabel'] {
  const when = label?.when ?? null;
  if (when === null) return () => true;
  const { code, type } = fieldCode(layout, when.field);
  const expected = typeof when.equals === 'string' ? 'text' : 'number';
  if (typeof when.equals === 'boolean' || type !== expected) return () => false;
  const functions = createColumnarFunctions(interner, typeof when.equals === 'string' ? [when.equals] : []);
  const holds = type === 'text' ? `f.equalsConstant(0, ${code}) === 1` : `${code} === ${JSON.stringify(when.equals)}`;
  return compileCode(['columns', 'r'], `return ${holds};`, functions);
}

function createScratch(plan: Plan): Scratch {
  return {
    samples: { f64: new Float64Array(1024) },
    aggregates: new Float64Array(plan.aggregates.length),
    keys: new Int32Array(plan.keys.length),
    refused: new Int32Array(plan.keys.length),
    asking: { timeMs: 0, self: 0, labelsUntilMs: 0, selfIs: 'inside', horizonMs: 0 },
    settled: null,
    views: plan.keys.map(() => null),
    broughtLabelMs: Number.POSITIVE_INFINITY,
    labelTimeMs: Number.POSITIVE_INFINITY,
  };
}
