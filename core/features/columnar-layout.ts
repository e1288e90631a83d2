import type { EventLayout } from '../decode/event-columns.ts';
import type { AggregateSpec } from '../engine/entry.ts';
import { labelWord } from '../engine/slab.ts';
import { writeExpression, type Code, type LeafCode } from './columnar-expression.ts';
import type { Expression, Plan } from './plan.ts';

/** Where the entries of one plan key hold what its aggregates read. */
export type KeyLayout = {
  readonly key: number;
  readonly strideWords: number;
  readonly hasLabels: boolean;
  /** By number of the plan's window column. */
  readonly columns: ReadonlyMap<number, ColumnPlace>;
};

/** How generated code reads a window column of the entry at word `q`, and what it writes when the entry enters. */
export type ColumnPlace = {
  readonly type: Code['type'];
  readonly read: string;
  readonly writes: readonly { readonly to: string; readonly value: string }[];
};

/** The fields of events that a plan reads: each must be in the layout of the columns, but for those that all have. */
export function fieldsOfPlan(plan: Plan): readonly string[] {
  const paths = new Set<string>([...plan.keys, ...plan.rowFields]);
  plan.windowColumns.forEach((expression) => collectFields(expression, paths));
  if (plan.label?.when) paths.add(plan.label.when.field);
  return [...paths].filter((path) => !(path in headFields));
}

/** The code that reads a field of row `r` of `columns`. Throws when the layout does not have it. */
export function fieldCode(layout: EventLayout, path: string): Code {
  const text = layout.texts.indexOf(path);
  if (text >= 0) return { code: `columns.texts[${text}][r]`, type: 'text' };
  const number = layout.numbers.indexOf(path);
  if (number >= 0) return { code: `columns.numbers[${number}][r]`, type: 'number' };
  const head = Object.hasOwn(headFields, path) ? headFields[path] : undefined;
  if (head !== undefined) return head;
  throw new Error(`got the field ${path}, expected one of ${[...layout.numbers, ...layout.texts].join(', ')}`);
}

/** Lays out the entries of a key: time, offset, the label's time where a window reads it, then the columns. */
export function layOutKey(
  plan: Plan,
  key: number,
  { layout, constants }: { readonly layout: EventLayout; readonly constants: string[] },
): KeyLayout {
  const specs = plan.aggregates.filter((spec) => spec.key === key);
  const hasLabels = specs.some((spec) => spec.usesLabel);
  const space = { word: hasLabels ? labelWord + 1 : labelWord, halves: [3] };
  const columns = new Map<number, ColumnPlace>();
  for (const number of columnsOf(specs)) {
    const expression = plan.windowColumns[number];
    if (expression === undefined) throw new RangeError(`got column ${number} of ${plan.windowColumns.length}`);
    columns.set(number, placeColumn(expression, { layout, constants, space }));
  }
  return { key, strideWords: space.word, hasLabels, columns };
}

const headFields: Readonly<Record<string, Code>> = {
  tenantId: { code: 'columns.tenant[r]', type: 'text' },
  accountId: { code: 'columns.account[r]', type: 'text' },
  eventTimeMs: { code: 'columns.eventTimeMs[r]', type: 'number' },
};

/** The next free 64-bit word, and 32-bit words that are free before it. */
type Space = { word: number; readonly halves: number[] };

type Placing = { readonly layout: EventLayout; readonly constants: string[]; readonly space: Space };

function columnsOf(specs: readonly AggregateSpec[]): Set<number> {
  const numbers = specs.flatMap(({ input, where, sinceLast }) => [input, where, sinceLast]);
  return new Set(numbers.filter((number) => number !== null));
}

/** A column that reads the label is kept twice, as it is without and with it; constants and the label itself are not. */
function placeColumn(expression: Expression, { layout, constants, space }: Placing): ColumnPlace {
  const isLabelled = `(f64[q + ${labelWord}] <= labelsUntilMs)`;
  if (expression.op === 'label') return { type: 'number', read: `(${isLabelled} ? 1 : 0)`, writes: [] };
  const codeOf = (label: 0 | 1): Code => writeExpression(expression, eventLeaf(layout, label), constants);
  const plain = codeOf(0);
  if (expression.op === 'constant') return { ...plain, read: plain.code, writes: [] };
  const to = takeWord(space, plain.type);
  if (!readsLabel(expression)) return { type: plain.type, read: to, writes: [{ to, value: plain.code }] };
  const labelled = codeOf(1);
  const toLabelled = takeWord(space, plain.type);
  return {
    type: plain.type,
    read: `(${isLabelled} ? ${toLabelled} : ${to})`,
    writes: [
      { to, value: plain.code },
      { to: toLabelled, value: labelled.code },
    ],
  };
}

function eventLeaf(layout: EventLayout, label: 0 | 1): LeafCode {
  return (leaf) => {
    if (leaf.op === 'label') return { code: `${label}`, type: 'number' };
    if (leaf.op === 'field') return fieldCode(layout, leaf.path);
    throw new Error(`got ${leaf.op} in a window column, expected a field or the label`);
  };
}

function takeWord(space: Space, type: Code['type']): string {
  if (type === 'number') return `f64[q + ${space.word++}]`;
  const half = space.halves.pop();
  if (half !== undefined) return `i32[q * 2 + ${half}]`;
  space.halves.push(space.word * 2 + 1);
  return `i32[q * 2 + ${space.word++ * 2}]`;
}

function readsLabel(expression: Expression): boolean {
  return expression.op === 'label' || (expression.op === 'call' && expression.args.some(readsLabel));
}

function collectFields(expression: Expression, paths: Set<string>): void {
  if (expression.op === 'field') paths.add(expression.path);
  if (expression.op === 'call') for (const arg of expression.args) collectFields(arg, paths);
}
