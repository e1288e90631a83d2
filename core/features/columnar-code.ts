import type { EventColumns, EventLayout } from '../decode/event-columns.ts';
import type { AggregateSpec } from '../engine/entry.ts';
import { offsetWord } from '../engine/slab.ts';
import type { ColumnarFunctions } from './columnar-functions.ts';
import { fieldCode, type KeyLayout } from './columnar-layout.ts';
import { writeExpression, type Code } from './columnar-expression.ts';
import type { Plan } from './plan.ts';

/** Writes the columns of an entry, whose first word is `q`, from row `r` of a batch. */
export type WriteEntry = (
  columns: EventColumns,
  r: number,
  f64: Float64Array,
  i32: Int32Array,
  q: number,
  labelTimeMs: number,
) => void;

/**
 * Reads an aggregate's samples off entries `[from, until)` of a segment, newest first, into `values` from `count` on, and
 * says how many there are then; `-1 - count` once no older entry belongs to the window.
 */
export type Gather = (
  f64: Float64Array,
  i32: Int32Array,
  from: number,
  until: number,
  self: number,
  labelsUntilMs: number,
  values: Float64Array,
  count: number,
) => number;

/** Computes the features at `values[to...]` from the fields at `fields[at...]` and the aggregates. */
export type Evaluate = (
  fields: Float64Array,
  at: number,
  aggregates: Float64Array,
  values: Float64Array,
  to: number,
) => void;

/** Reads the fields that features use off row `r` into `fields[at...]`. */
export type ReadFields = (columns: EventColumns, r: number, fields: Float64Array, at: number) => void;

/** Makes a function of generated code. The code follows from a plan alone; names in it are quoted. */
export function compileCode<T>(parameters: readonly string[], body: string, functions: object): T {
  // The plan is the program: an interpreter of it costs ten times as much.
  // oxlint-disable-next-line typescript/no-implied-eval -- the only place that makes code from a plan
  const make = new Function('f', `'use strict'; return (${parameters.join(', ')}) => {\n${body}\n};`) as (
    f: object,
  ) => T;
  return make(functions);
}

/** Compiles how a row's columns enter a key's windows. */
export function compileWriteEntry(layout: KeyLayout, functions: ColumnarFunctions): WriteEntry {
  const writes = [...layout.columns.values()].flatMap((column) => column.writes);
  const lines = writes.map(({ to, value }) => `${to} = ${value};`);
  if (layout.hasLabels) lines.push('f64[q + 2] = labelTimeMs;');
  return compileCode(['columns', 'r', 'f64', 'i32', 'q', 'labelTimeMs'], lines.join('\n'), functions);
}

/** Compiles how the fields that features use are read. */
export function compileReadFields(plan: Plan, layout: EventLayout, functions: ColumnarFunctions): ReadFields {
  const lines = plan.rowFields.map((path, index) => `fields[at + ${index}] = ${fieldCode(layout, path).code};`);
  return compileCode(['columns', 'r', 'fields', 'at'], lines.join('\n'), functions);
}

/** Writes the features' code, collecting constant texts; compile it once all constants are known. */
export function writeEvaluate(plan: Plan, { layout, aggregateTypes, constants }: Inputs): string {
  const lines = plan.features.map(({ name, expression }, index) => {
    const { code, type } = writeExpression(
      expression,
      (leaf): Code => {
        if (leaf.op === 'column') {
          const { type: fieldType } = fieldCode(layout, plan.rowFields[leaf.index] ?? '');
          return { code: `fields[at + ${leaf.index}]`, type: fieldType };
        }
        if (leaf.op !== 'aggregate') throw new Error(`got ${leaf.op} in a feature, expected a column or an aggregate`);
        return { code: `aggregates[${leaf.index}]`, type: aggregateTypes[leaf.index] ?? 'number' };
      },
      constants,
    );
    if (type === 'text') throw new TypeError(`got the text ${name} as a feature of ${plan.name}, expected a number`);
    return `values[to + ${index}] = ${code};`;
  });
  return lines.join('\n');
}

type Inputs = {
  readonly layout: EventLayout;
  readonly aggregateTypes: readonly Code['type'][];
  readonly constants: string[];
};

/** Compiles the features' code. */
export function compileEvaluate(body: string, functions: ColumnarFunctions): Evaluate {
  return compileCode(['fields', 'at', 'aggregates', 'values', 'to'], body, functions);
}

/** What an aggregate gives: the first or last text of a window is a text. */
export function aggregateType(spec: AggregateSpec, layout: KeyLayout): Code['type'] {
  return spec.kind === 'first' || spec.kind === 'last' ? inputOf(spec, layout).type : 'number';
}

/** Compiles how an aggregate's samples are read. */
export function compileGather(spec: AggregateSpec, layout: KeyLayout): Gather {
  const { sinceLast, excludeSelf } = spec;
  const isSelf = `i32[q * 2 + ${offsetWord}] === self`;
  const endsWindow =
    sinceLast === null ? '' : `if (${readOf(layout, sinceLast)} === 1 && !(${isSelf})) return -1 - count;`;
  // The newest sample is the only one that these want.
  const isEnough = spec.kind === 'last' || spec.kind === 'sinceLastMs' ? 'return -1 - count;' : '';
  const body = `
    for (let p = until - 1; p >= from; p--) {
      const q = p * ${layout.strideWords};
      ${endsWindow}
      ${excludeSelf ? `if (${isSelf}) continue;` : ''}
      ${sampleCode(spec, layout, `values[count++] = v; ${isEnough}`)}
    }
    return count;`;
  return compileCode(['f64', 'i32', 'from', 'until', 'self', 'labelsUntilMs', 'values', 'count'], body, {});
}

/** Code that does something with the sample `v` of the entry at `q`, where it has one. */
export function sampleCode(spec: AggregateSpec, layout: KeyLayout, use: string): string {
  const { type, read } = inputOf(spec, layout);
  const isPresent = spec.input === null ? '' : type === 'text' ? 'if (v !== -1)' : 'if (v === v)';
  const sample = `const v = ${read}; ${isPresent} { ${use} }`;
  return spec.where === null ? `{ ${sample} }` : `if (${readOf(layout, spec.where)} === 1) { ${sample} }`;
}

/** What is sampled: the input, or the event time for aggregates over times alone. */
function inputOf(spec: AggregateSpec, layout: KeyLayout): { readonly type: Code['type']; readonly read: string } {
  if (spec.kind === 'sinceFirstMs' || spec.kind === 'sinceLastMs') return { type: 'number', read: 'f64[q]' };
  const column = spec.input === null ? undefined : layout.columns.get(spec.input);
  return column ?? { type: 'number', read: '1' };
}

function readOf(layout: KeyLayout, column: number): string {
  return layout.columns.get(column)?.read ?? 'NaN';
}
