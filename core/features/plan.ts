import { hash } from 'node:crypto';
import type { Contract } from '../contract/contract.ts';
import { durationMs } from '../contract/duration.ts';
import { fieldKinds, type FieldKind } from '../contract/fields.ts';
import type { AggregateSpec } from '../engine/entry.ts';
import type { RowFunctionName } from './row-functions.ts';
import type { AggregateNode, Level, Node, Term } from './term.ts';

/** An expression of a plan. `column` is a number into the plan's row fields, `aggregate` one into its aggregates. */
export type Expression =
  | { readonly op: 'field'; readonly path: string }
  | { readonly op: 'label' }
  | { readonly op: 'constant'; readonly value: number | string }
  | { readonly op: 'column'; readonly index: number }
  | { readonly op: 'aggregate'; readonly index: number }
  | { readonly op: 'call'; readonly name: RowFunctionName; readonly args: readonly Expression[] };

/** The label that a plan reads: which events carry it and how they refer to the labelled event. */
export type PlanLabel = {
  readonly name: string;
  readonly topic: string;
  readonly refersTo: string;
  readonly when: { readonly field: string; readonly equals: string | number | boolean } | null;
  readonly knownAfterMs: number;
};

/** A compiled definition: plain, serialisable, the same for the same definition. Every engine runs this. */
export type Plan = {
  readonly name: string;
  readonly version: number;
  readonly topic: string;
  readonly label: PlanLabel | null;
  /** The text fields that windows are kept by. */
  readonly keys: readonly string[];
  /** What is read off each event for the windows, over its fields and the label. */
  readonly windowColumns: readonly Expression[];
  readonly aggregates: readonly AggregateSpec[];
  /** The fields of the asking event that features read directly. */
  readonly rowFields: readonly string[];
  readonly features: readonly { readonly name: string; readonly expression: Expression }[];
};

/** A named set of features over one contract's events: the plan that every engine runs, and its stable hash. */
export type FeatureSet = {
  readonly plan: Plan;
  /** SHA-256 over the canonical plan, hexadecimal. */
  readonly hash: string;
};

type Draft = {
  readonly contract: Contract;
  readonly fields: ReadonlyMap<string, FieldKind>;
  label: PlanLabel | null;
  readonly keys: string[];
  readonly windowColumns: Expression[];
  readonly aggregates: AggregateSpec[];
  readonly rowFields: string[];
};

const featuresMax = 256;
const windowMsMax = durationMs('800d');

/** Compiles terms into a plan; each failure names the feature. */
export function compilePlan(definition: {
  readonly name: string;
  readonly version: number;
  readonly contract: Contract;
  readonly terms: Readonly<Record<string, Term<Level, string>>>;
}): FeatureSet {
  const { name, version, contract, terms } = definition;
  const entries = Object.entries(terms);
  checkNames(
    definition,
    entries.map(([feature]) => feature),
  );
  const draft: Draft = {
    contract,
    fields: fieldKinds(contract),
    label: null,
    keys: [],
    windowColumns: [],
    aggregates: [],
    rowFields: [],
  };
  const features = entries.map(([feature, term]) => ({
    name: feature,
    expression: explain(feature, () => featureExpression(draft, checkFeature(term))),
  }));
  const { label, keys, windowColumns, aggregates, rowFields } = draft;
  const plan: Plan = {
    name,
    version,
    topic: contract.topic,
    label,
    keys,
    windowColumns,
    aggregates,
    rowFields,
    features,
  };
  return { plan, hash: hashPlan(plan) };
}

/** SHA-256 over the canonical plan, hexadecimal: another definition has another one. */
export function hashPlan(plan: Plan): string {
  return hash('sha256', JSON.stringify(plan), 'hex');
}

function checkNames({ name, version }: { readonly name: string; readonly version: number }, features: string[]): void {
  const pattern = /^[a-z][a-z0-9_]{0,62}$/;
  if (!pattern.test(name))
    throw new Error(`got the name ${JSON.stringify(name)}, expected lower case such as handbook`);
  if (!Number.isSafeInteger(version) || version < 1) throw new Error(`got version ${version}, expected 1 or more`);
  if (features.length === 0 || features.length > featuresMax) {
    throw new Error(`got ${features.length} features in ${name}, expected 1 to ${featuresMax}`);
  }
  for (const feature of features) {
    if (pattern.test(feature) && !feature.endsWith('_settled')) continue;
    throw new Error(
      `got the feature name ${JSON.stringify(feature)}, expected lower_snake_case not ending in _settled`,
    );
  }
}

function checkFeature(term: Term<Level, string> | undefined): Node {
  const node = term?.node;
  if (node === undefined) throw new Error('got no term, expected a number, such as count().by(key).over(window)');
  if (node.result === 'text') throw new Error('got a text, expected a number: compare or count texts');
  return node;
}

function explain<T>(feature: string, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    throw new Error(`feature ${feature}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function featureExpression(draft: Draft, node: Node): Expression {
  switch (node.op) {
    case 'field':
      return { op: 'column', index: indexIn(draft.rowFields, node.path) };
    case 'label':
      throw new Error(`got the label ${node.name} of the event itself, which nobody knows yet; expected an aggregate`);
    case 'constant':
      return { op: 'constant', value: node.value };
    case 'call':
      return { op: 'call', name: node.name, args: node.args.map((arg) => featureExpression(draft, arg)) };
    case 'aggregate':
      return { op: 'aggregate', index: indexIn(draft.aggregates, aggregateSpec(draft, node)) };
  }
}

function aggregateSpec(draft: Draft, node: AggregateNode): AggregateSpec {
  if (node.by?.op !== 'field' || node.by.result !== 'text') throw new Error('got an aggregate without .by(text field)');
  if (node.over === null) throw new Error('got an aggregate without .over(window), such as .over(7d)');
  const overMs = durationMs(node.over);
  const delayedByMs = node.delayedBy === null ? 0 : durationMs(node.delayedBy);
  if (overMs + delayedByMs > windowMsMax)
    throw new Error(`got a window that reaches back ${overMs + delayedByMs} ms, expected at most ${windowMsMax}`);
  const input = columnIndex(draft, node.input);
  const where = columnIndex(draft, node.where);
  const sinceLast = columnIndex(draft, node.sinceLast);
  const usesLabel = [node.input, node.where, node.sinceLast].some((operand) => operand !== null && readsLabel(operand));
  if (usesLabel) checkDelay(draft, delayedByMs);
  return {
    kind: slidingKind(node.kind),
    key: indexIn(draft.keys, node.by.path),
    input,
    where,
    sinceLast,
    overMs,
    delayedByMs,
    excludeSelf: node.excludeSelf,
    integer: node.input !== null && isInteger(draft, node.input),
    usesLabel,
  };
}

/** The kind of an aggregate over a window that slides with each event. */
function slidingKind(kind: AggregateNode['kind']): AggregateSpec['kind'] {
  if (kind !== 'quantile' && kind !== 'approximateCountDistinct') return kind;
  const instead = kind === 'quantile' ? 'median' : 'the exact countDistinct';
  throw new Error(`got ${kind} over a window that slides, whose events a sketch cannot take back; expected ${instead}`);
}

function checkDelay({ label }: Draft, delayedByMs: number): void {
  const knownAfterMs = label?.knownAfterMs ?? 0;
  if (delayedByMs >= knownAfterMs) return;
  throw new Error(
    `got the label ${label?.name ?? ''} delayed by ${delayedByMs} ms, expected at least ${knownAfterMs} ms, when it is known`,
  );
}

function columnIndex(draft: Draft, node: Node | null): number | null {
  return node === null ? null : indexIn(draft.windowColumns, eventExpression(draft, node));
}

function eventExpression(draft: Draft, node: Node): Expression {
  switch (node.op) {
    case 'field':
      return { op: 'field', path: node.path };
    case 'label':
      registerLabel(draft, node.name);
      return { op: 'label' };
    case 'constant':
      return { op: 'constant', value: node.value };
    case 'call':
      return { op: 'call', name: node.name, args: node.args.map((arg) => eventExpression(draft, arg)) };
    case 'aggregate':
      throw new Error('got an aggregate inside an aggregate, expected fields of the event');
  }
}

function registerLabel(draft: Draft, name: string): void {
  const label = draft.contract.labels?.[name];
  if (label === undefined) throw new Error(`got the label ${name}, which ${draft.contract.topic} does not have`);
  if (draft.label !== null && draft.label.name !== name) {
    throw new Error(`got the labels ${draft.label.name} and ${name}, expected one label in a definition`);
  }
  const { topic, refersTo, when = null, knownAfter } = label;
  draft.label = { name, topic, refersTo, when, knownAfterMs: durationMs(knownAfter) };
}

function readsLabel(node: Node): boolean {
  return node.op === 'label' || (node.op === 'call' && node.args.some(readsLabel));
}

function isInteger(draft: Draft, node: Node): boolean {
  switch (node.op) {
    case 'field':
      return node.result === 'boolean' || draft.fields.get(node.path)?.integer === true;
    case 'constant':
      return Number.isSafeInteger(node.value);
    case 'label':
      return true;
    case 'aggregate':
      return false;
    case 'call': {
      if (node.result === 'boolean') return true;
      const keeps = ['plus', 'minus', 'times', 'orElse', 'abs', 'choose', 'hourOfDay', 'dayOfWeek'];
      return keeps.includes(node.name) && node.args.every((arg) => isInteger(draft, arg));
    }
  }
}

/** The place of an item in a list that holds each item once. */
function indexIn<T>(list: T[], item: T): number {
  const text = JSON.stringify(item);
  const index = list.findIndex((other) => JSON.stringify(other) === text);
  return index >= 0 ? index : list.push(item) - 1;
}
