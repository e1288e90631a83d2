import type { Value } from '../engine/aggregate.ts';
import type { FlowEvent } from '../engine/operator.ts';
import { compileExpression, readField } from './expression.ts';
import type { Expression } from './plan.ts';
import type { Node, ResultKind } from './term.ts';

/** A column of an output and how it is computed. */
export type ColumnPlan = { readonly name: string; readonly kind: ResultKind; readonly expression: Expression };

/** What is read of each joined event, by the name of its side: paths in the order of its values. */
export type SideFields = Readonly<Record<string, readonly string[]>>;

/** The values of each joined event, null for a side without one. */
export type SideValues = Readonly<Record<string, readonly Value[] | null>>;

/** The expression of a term over events. Throws for what only features have. */
export function flowExpression(node: Node): Expression {
  switch (node.op) {
    case 'field':
      return { op: 'field', path: node.path };
    case 'constant':
      return { op: 'constant', value: node.value };
    case 'call':
      return { op: 'call', name: node.name, args: node.args.map(flowExpression) };
    case 'label':
      throw new Error(`got the label ${node.name}, expected fields: a flow joins the topic that carries the label`);
    case 'aggregate':
      throw new Error('got an aggregate, expected fields of the event');
  }
}

/** The paths that expressions read under a prefix such as `left.`, without it, each once. */
export function fieldsUnder(prefix: string, expressions: readonly Expression[]): string[] {
  const paths = expressions.flatMap(pathsOf).filter((path) => path.startsWith(prefix));
  return [...new Set(paths)].map((path) => path.slice(prefix.length));
}

/** Reads the value of an expression off an event; null for anything missing. */
export function compileEventValue(expression: Expression): (event: FlowEvent) => Value {
  return compileExpression<FlowEvent>(expression, (leaf) => {
    if (leaf.op !== 'field') throw new Error(`got ${leaf.op}, expected a field of the event`);
    const read = readField(leaf.path);
    return ({ event }) => read(event);
  });
}

/** Computes a column from the joined events; a truth value is 0 or 1 in expressions and a boolean in a row. */
export function compileColumn(
  { kind, expression }: ColumnPlan,
  fields: SideFields,
): (sides: SideValues) => Value | boolean {
  const read = compileExpression<SideValues>(expression, (leaf) => {
    const prefixed = leaf.op === 'field' ? leaf.path : leaf.op;
    const [, side = '', path = ''] = /^([^.]+)\.(.+)$/.exec(prefixed) ?? [];
    const index = fields[side]?.indexOf(path) ?? -1;
    if (index < 0) throw new Error(`got ${prefixed} in a column, expected a field of what .of(...) is given`);
    return (sides) => sides[side]?.[index] ?? null;
  });
  return (sides) => {
    const value = read(sides);
    return kind === 'boolean' && value !== null ? value === 1 : value;
  };
}

/** Every path that an expression reads. */
export function pathsOf(expression: Expression): string[] {
  if (expression.op === 'field') return [expression.path];
  return expression.op === 'call' ? expression.args.flatMap(pathsOf) : [];
}
