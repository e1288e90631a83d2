import type { AggregateKind, Value } from '../engine/aggregate.ts';
import type { Duration } from '../contract/duration.ts';
import type { RowFunctionName } from './row-functions.ts';

/**
 * Where a term lives: `event` terms are read off one event and can be aggregated, `feature` terms hold an aggregate.
 */
export type Level = 'event' | 'feature';

/** The tree behind a term: what the plan is compiled from. */
export type Node =
  | { readonly op: 'field'; readonly path: string; readonly result: ResultKind }
  | { readonly op: 'label'; readonly name: string; readonly result: 'boolean' }
  | { readonly op: 'constant'; readonly value: number | string; readonly result: ResultKind }
  | {
      readonly op: 'call';
      readonly name: RowFunctionName;
      readonly args: readonly Node[];
      readonly result: ResultKind;
    }
  | AggregateNode;

export type ResultKind = 'number' | 'text' | 'boolean';

/** Aggregates that sketches give: they take no event back, so they are of panes, not of windows that slide. */
export type SketchKind = 'quantile' | 'approximateCountDistinct';

export type AggregateNode = {
  readonly op: 'aggregate';
  readonly kind: AggregateKind | SketchKind;
  /** Of `quantile`: which one, 0 to 1. */
  readonly quantile: number | null;
  /** Of a sketch: the relative accuracy of a quantile, or the precision of registers. */
  readonly accuracy: number | null;
  readonly input: Node | null;
  readonly where: Node | null;
  readonly by: Node | null;
  readonly over: Duration | null;
  readonly delayedBy: Duration | null;
  readonly sinceLast: Node | null;
  readonly excludeSelf: boolean;
  readonly result: ResultKind;
};

/**
 * A value of a definition. `L` says where it lives; `K` says when it can be known: `now`, or the delay of a label.
 * Both exist for the compiler only.
 */
export interface Term<L extends Level, K extends string> {
  readonly node: Node;
  readonly level?: L;
  readonly known?: K;
}

/** A number, or null where it is missing: arithmetic and comparisons with null give null, and so does x / 0. */
export interface NumberTerm<L extends Level, K extends string> extends Term<L, K> {
  readonly result: 'number';
  plus<L2 extends Level = never, K2 extends string = never>(
    other: NumberTerm<L2, K2> | number,
  ): NumberTerm<L | L2, K | K2>;
  minus<L2 extends Level = never, K2 extends string = never>(
    other: NumberTerm<L2, K2> | number,
  ): NumberTerm<L | L2, K | K2>;
  times<L2 extends Level = never, K2 extends string = never>(
    other: NumberTerm<L2, K2> | number,
  ): NumberTerm<L | L2, K | K2>;
  dividedBy<L2 extends Level = never, K2 extends string = never>(
    other: NumberTerm<L2, K2> | number,
  ): NumberTerm<L | L2, K | K2>;
  above<L2 extends Level = never, K2 extends string = never>(
    other: NumberTerm<L2, K2> | number,
  ): BooleanTerm<L | L2, K | K2>;
  below<L2 extends Level = never, K2 extends string = never>(
    other: NumberTerm<L2, K2> | number,
  ): BooleanTerm<L | L2, K | K2>;
  atLeast<L2 extends Level = never, K2 extends string = never>(
    other: NumberTerm<L2, K2> | number,
  ): BooleanTerm<L | L2, K | K2>;
  atMost<L2 extends Level = never, K2 extends string = never>(
    other: NumberTerm<L2, K2> | number,
  ): BooleanTerm<L | L2, K | K2>;
  equals<L2 extends Level = never, K2 extends string = never>(
    other: NumberTerm<L2, K2> | number,
  ): BooleanTerm<L | L2, K | K2>;
  isMissing(): BooleanTerm<L, K>;
  /** The value, or `fallback` where it is null. */
  orElse<L2 extends Level = never, K2 extends string = never>(
    fallback: NumberTerm<L2, K2> | number,
  ): NumberTerm<L | L2, K | K2>;
}

/** A text, or null where it is missing. Texts are compared and counted; a feature is a number. */
export interface TextTerm<L extends Level, K extends string> extends Term<L, K> {
  readonly result: 'text';
  equals<L2 extends Level = never, K2 extends string = never>(
    other: TextTerm<L2, K2> | string,
  ): BooleanTerm<L | L2, K | K2>;
  isMissing(): BooleanTerm<L, K>;
  isOneOf(values: readonly [string, ...string[]]): BooleanTerm<L, K>;
}

/** True (1), false (0) or null, with SQL's three-valued logic. As a feature it is the number 1 or 0. */
export interface BooleanTerm<L extends Level, K extends string> extends Term<L, K> {
  readonly result: 'boolean';
  and<L2 extends Level, K2 extends string>(other: BooleanTerm<L2, K2>): BooleanTerm<L | L2, K | K2>;
  or<L2 extends Level, K2 extends string>(other: BooleanTerm<L2, K2>): BooleanTerm<L | L2, K | K2>;
  not(): BooleanTerm<L, K>;
}

/** Makes a number term of a node. */
export function numberTerm<L extends Level, K extends string>(node: Node): NumberTerm<L, K> {
  return {
    node,
    result: 'number',
    plus: (other) => numberTerm(call('plus', 'number', [node, nodeOf(other)])),
    minus: (other) => numberTerm(call('minus', 'number', [node, nodeOf(other)])),
    times: (other) => numberTerm(call('times', 'number', [node, nodeOf(other)])),
    dividedBy: (other) => numberTerm(call('dividedBy', 'number', [node, nodeOf(other)])),
    above: (other) => booleanTerm(call('above', 'boolean', [node, nodeOf(other)])),
    below: (other) => booleanTerm(call('below', 'boolean', [node, nodeOf(other)])),
    atLeast: (other) => booleanTerm(call('atLeast', 'boolean', [node, nodeOf(other)])),
    atMost: (other) => booleanTerm(call('atMost', 'boolean', [node, nodeOf(other)])),
    equals: (other) => booleanTerm(call('equals', 'boolean', [node, nodeOf(other)])),
    isMissing: () => booleanTerm(call('isMissing', 'boolean', [node])),
    orElse: (fallback) => numberTerm(call('orElse', 'number', [node, nodeOf(fallback)])),
  };
}

/** Makes a text term of a node. */
export function textTerm<L extends Level, K extends string>(node: Node): TextTerm<L, K> {
  return {
    node,
    result: 'text',
    equals: (other) => booleanTerm(call('equals', 'boolean', [node, nodeOf(other)])),
    isMissing: () => booleanTerm(call('isMissing', 'boolean', [node])),
    isOneOf: (values) => booleanTerm(call('isOneOf', 'boolean', [node, ...values.map(nodeOf)])),
  };
}

/** Makes a boolean term of a node. */
export function booleanTerm<L extends Level, K extends string>(node: Node): BooleanTerm<L, K> {
  return {
    node,
    result: 'boolean',
    and: (other) => booleanTerm(call('and', 'boolean', [node, other.node])),
    or: (other) => booleanTerm(call('or', 'boolean', [node, other.node])),
    not: () => booleanTerm(call('not', 'boolean', [node])),
  };
}

/** A node that applies a row function. Throws when an argument is no term, a number or a text. */
export function call(name: RowFunctionName, result: ResultKind, args: readonly Node[]): Node {
  return { op: 'call', name, args, result };
}

/** The node of a term or of a constant; numbers must be finite. */
export function nodeOf(operand: Term<Level, string> | Exclude<Value, null>): Node {
  if (typeof operand === 'string') return { op: 'constant', value: operand, result: 'text' };
  if (typeof operand === 'object') return operand.node;
  if (Number.isFinite(operand)) return { op: 'constant', value: operand, result: 'number' };
  throw new Error(`got the constant ${String(operand)}, expected a finite number, a text or a term`);
}
