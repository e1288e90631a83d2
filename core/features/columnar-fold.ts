import { deviationOf, foldMedian, foldMoments } from '../engine/columnar-aggregate.ts';
import type { AggregateSpec } from '../engine/entry.ts';
import { offsetWord } from '../engine/slab.ts';
import { aggregateType, compileCode, sampleCode } from './columnar-code.ts';
import type { KeyLayout } from './columnar-layout.ts';

/**
 * Computes all aggregates of a key from its entries `[from, until)`, in one pass over each delay, newest first. False
 * when a sum is beyond 2^53: then each aggregate is to be folded by itself.
 */
export type Fold = (
  f64: Float64Array,
  i32: Int32Array,
  from: number,
  until: number,
  timeMs: number,
  self: number,
  labelsUntilMs: number,
  aggregates: Float64Array,
) => boolean;

type NumberedSpec = { readonly spec: AggregateSpec; readonly index: number };

/** Aggregates over the same samples, whatever their windows: they share what runs. `name` is a suffix in the code. */
type Stream = { readonly name: number; readonly specs: NumberedSpec[] };
type Phase = { readonly overMs: number; readonly streams: readonly Stream[]; readonly ends: readonly Ending[] };
type Ending = { readonly stream: Stream; readonly numbered: NumberedSpec };
type Group = { readonly delayMs: number; readonly streams: readonly Stream[]; readonly phases: readonly Phase[] };

/** More code than this is not compiled to fast code any more. */
const bodiesMax = 400;

/** Compiles the fold of a key whose blocks hold at most `blockEntries`. Always false for a plan beyond all measure. */
export function compileFold(specs: readonly NumberedSpec[], layout: KeyLayout, blockEntries: number): Fold {
  const groups = groupsOf(specs);
  const bodies = groups.flatMap(({ phases }) => phases.flatMap(({ streams }) => streams));
  if (bodies.length > bodiesMax) return () => false;
  const streams = groups.flatMap((group) => group.streams);
  const lists = streams.map((stream) => new Float64Array(kindsOf(stream).has('list') ? blockEntries : 0));
  const tables = streams.map((stream) => createTable(kindsOf(stream).has('countDistinct') ? blockEntries : 0));
  const code = groups.map((group) => writeGroup(group, layout)).join('\n');
  const parameters = ['f64', 'i32', 'from', 'until', 'timeMs', 'self', 'labelsUntilMs', 'aggregates'];
  const functions = { tables, lists, countUpTo, nextGeneration, deviationOf, foldMoments, foldMedian };
  return compileCode(parameters, `${code}\nreturn true;`, functions);
}

/** The windows by their delay, which are the groups that end at one moment. */
function groupsOf(specs: readonly NumberedSpec[]): Group[] {
  const delays = [...new Set(specs.map(({ spec }) => spec.delayedByMs))].toSorted((left, right) => left - right);
  let names = 0;
  return delays.map((delayMs) => {
    const byName = new Map<string, Stream>();
    for (const numbered of specs.filter(({ spec }) => spec.delayedByMs === delayMs)) {
      const { input, where, sinceLast, excludeSelf } = numbered.spec;
      const samples = [input, where, sinceLast, excludeSelf, sharedBy(numbered.spec)].join(' ');
      const stream = byName.get(samples) ?? { name: names++, specs: [] };
      stream.specs.push(numbered);
      byName.set(samples, stream);
    }
    const streams = [...byName.values()];
    return { delayMs, streams, phases: phasesOf(streams) };
  });
}

/** Event times are other samples than inputs, and sorting a list for the median spoils it for sums in order of time. */
function sharedBy(spec: AggregateSpec): string {
  if (spec.kind === 'sinceFirstMs' || spec.kind === 'sinceLastMs') return 'times';
  return spec.kind === 'median' ? 'median' : 'inputs';
}

/** Windows of one end, shortest first: each goes on where the one before it stopped. */
function phasesOf(streams: readonly Stream[]): Phase[] {
  const overs = [...new Set(streams.flatMap(({ specs }) => specs.map(({ spec }) => spec.overMs)))];
  return overs
    .toSorted((left, right) => left - right)
    .map((overMs) => ({
      overMs,
      streams: streams.filter(({ specs }) => specs.some(({ spec }) => spec.overMs >= overMs)),
      ends: streams.flatMap((stream) =>
        stream.specs.filter(({ spec }) => spec.overMs === overMs).map((numbered): Ending => ({ stream, numbered })),
      ),
    }));
}

function writeGroup({ delayMs, streams, phases }: Group, layout: KeyLayout): string {
  const stride = layout.strideWords;
  const seek =
    delayMs === 0
      ? `while (p >= from && f64[p * ${stride}] > untilMs) p--;`
      : `p = f.countUpTo(f64, ${stride}, from, until, untilMs) - 1;`;
  const loops = phases.map(
    ({ overMs, streams: running, ends }) => `
    for (const sinceMs = untilMs - ${overMs}; p >= from; p--) {
      const q = p * ${stride};
      if (!(f64[q] > sinceMs)) break;
      ${running.map((stream) => writeStep(stream, layout)).join('\n')}
    }
    ${ends.map((ending) => writeEnd(ending, layout)).join('\n')}`,
  );
  return `{
    const untilMs = timeMs - ${delayMs};
    let p = until - 1;
    ${seek}
    ${streams.map(writeStart).join('\n')}
    ${loops.join('\n')}
  }`;
}

/** What runs in a stream: `sum` and `squares` of whole numbers, a `list` of what must be folded at the end, or a kind. */
type Running = 'sum' | 'squares' | 'list' | 'min' | 'max' | 'oldest' | 'newest' | 'countDistinct';

function kindsOf({ specs }: Stream): Set<Running> {
  return new Set(specs.flatMap(({ spec }) => runningOf(spec)));
}

function runningOf({ kind, integer }: AggregateSpec): Running[] {
  switch (kind) {
    case 'count':
      return [];
    case 'sum':
    case 'avg':
      return integer ? ['sum'] : ['list'];
    case 'stddev':
      return integer ? ['sum', 'squares'] : ['list'];
    case 'median':
      return ['list'];
    case 'first':
    case 'sinceFirstMs':
      return ['oldest'];
    case 'last':
    case 'sinceLastMs':
      return ['newest'];
    default:
      return [kind];
  }
}

function writeStart(stream: Stream): string {
  const { name, specs } = stream;
  const starts: Record<Running, string> = {
    sum: `let s${name} = 0;`,
    squares: `let r${name} = 0;`,
    list: `const l${name} = f.lists[${name}];`,
    min: `let a${name} = Infinity;`,
    max: `let b${name} = -Infinity;`,
    oldest: `let o${name} = 0;`,
    newest: `let y${name} = 0;`,
    countDistinct: `let d${name} = 0; const t${name} = f.tables[${name}], g${name} = f.nextGeneration(t${name}),
      k${name} = t${name}.values, e${name} = t${name}.generations, m${name} = e${name}.length - 1;`,
  };
  const isOpen = specs[0]?.spec.sinceLast === null ? '' : `let isOpen${name} = true;`;
  return `let n${name} = 0; ${isOpen} ${[...kindsOf(stream)].map((running) => starts[running]).join(' ')}`;
}

function writeStep(stream: Stream, layout: KeyLayout): string {
  const { name, specs } = stream;
  const first = specs[0];
  if (first === undefined) return '';
  const { sinceLast, excludeSelf } = first.spec;
  const isOther = `i32[q * 2 + ${offsetWord}] !== self`;
  const sample = sampleCode(first.spec, layout, `${writeSample(stream)} n${name}++;`);
  const step = excludeSelf ? `if (${isOther}) { ${sample} }` : sample;
  if (sinceLast === null) return step;
  const ends = `${layout.columns.get(sinceLast)?.read ?? 'NaN'} === 1 && ${isOther}`;
  return `if (isOpen${name}) { if (${ends}) isOpen${name} = false; else { ${step} } }`;
}

function writeSample(stream: Stream): string {
  const { name } = stream;
  const samples: Record<Running, string> = {
    sum: `s${name} += v; if (!(Math.abs(s${name}) <= ${Number.MAX_SAFE_INTEGER})) return false;`,
    squares: `r${name} += v * v; if (!(r${name} <= ${Number.MAX_SAFE_INTEGER})) return false;`,
    list: `l${name}[n${name}] = v;`,
    min: `if (v < a${name}) a${name} = v;`,
    max: `if (v > b${name}) b${name} = v;`,
    oldest: `o${name} = v;`,
    newest: `if (n${name} === 0) y${name} = v;`,
    countDistinct: `
      let h = Math.imul(v ^ (v * 16384), 0x9e3779b1); h = (h ^ (h >>> 15)) & m${name};
      while (e${name}[h] === g${name} && k${name}[h] !== v) h = (h + 1) & m${name};
      if (e${name}[h] !== g${name}) { e${name}[h] = g${name}; k${name}[h] = v; d${name}++; }`,
  };
  return [...kindsOf(stream)].map((running) => samples[running]).join(' ');
}

function writeEnd({ stream: { name }, numbered }: Ending, layout: KeyLayout): string {
  const { kind, integer } = numbered.spec;
  const missing = aggregateType(numbered.spec, layout) === 'text' ? '-1' : 'NaN';
  const orNull = (code: string): string => `n${name} === 0 ? NaN : ${code}`;
  const ends: Record<AggregateSpec['kind'], string> = {
    count: `n${name}`,
    sum: integer ? `s${name}` : `f.foldMoments('sum', l${name}, n${name})`,
    avg: integer ? orNull(`s${name} / n${name}`) : `f.foldMoments('avg', l${name}, n${name})`,
    stddev: integer
      ? orNull(`f.deviationOf(n${name}, s${name}, r${name})`)
      : `f.foldMoments('stddev', l${name}, n${name})`,
    median: `f.foldMedian(l${name}, n${name})`,
    min: orNull(`a${name}`),
    max: orNull(`b${name}`),
    countDistinct: `d${name}`,
    first: `n${name} === 0 ? ${missing} : o${name}`,
    last: `n${name} === 0 ? ${missing} : y${name}`,
    sinceFirstMs: orNull(`timeMs - o${name}`),
    sinceLastMs: orNull(`timeMs - y${name}`),
  };
  return `aggregates[${numbered.index}] = ${ends[kind]};`;
}

/** Values that were seen in this generation, by open addressing, at most half full. */
type Table = { readonly values: Float64Array; readonly generations: Int32Array; generation: number };

function createTable(valuesMax: number): Table {
  const slots = valuesMax === 0 ? 0 : 2 ** Math.ceil(Math.log2(valuesMax * 2));
  return { values: new Float64Array(slots), generations: new Int32Array(slots), generation: 0 };
}

/** Empties the table. */
function nextGeneration(table: Table): number {
  if (table.generation === 2 ** 31 - 1) table.generations.fill(0);
  table.generation = (table.generation % (2 ** 31 - 1)) + 1;
  return table.generation;
}

/** Positional, for generated code: the first of entries `[from, until)` after a time. */
function countUpTo(f64: Float64Array, strideWords: number, from: number, until: number, timeMs: number): number {
  let low = from;
  let high = until;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (f64[middle * strideWords]! <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
