import type { Value } from '../engine/aggregate.ts';
import type { Expression } from './plan.ts';
import { rowFunctions } from './row-functions.ts';

/** Reads a leaf of an expression (a field, the label, a column, an aggregate) off a row. */
export type LeafReader<Row> = (leaf: Exclude<Expression, { op: 'call' | 'constant' }>) => (row: Row) => Value;

/** Compiles an expression into a function of a row: closures over the tree, no code is generated. */
export function compileExpression<Row>(expression: Expression, leaf: LeafReader<Row>): (row: Row) => Value {
  switch (expression.op) {
    case 'constant': {
      const { value } = expression;
      return () => value;
    }
    case 'call': {
      const compute: (args: readonly Value[]) => Value = rowFunctions[expression.name];
      const args = expression.args.map((arg) => compileExpression(arg, leaf));
      return (row) => compute(args.map((arg) => arg(row)));
    }
    default:
      return leaf(expression);
  }
}

/** The value at a dotted path of an event: a number, a text, 1 or 0 for a boolean, null for anything missing. */
export function readField(path: string): (event: object) => Value {
  const names = path.split('.');
  return (event) => {
    let value: unknown = event;
    for (const name of names) {
      if (typeof value !== 'object' || value === null) return null;
      value = Object.hasOwn(value, name) ? Reflect.get(value, name) : null;
    }
    if (typeof value === 'boolean') return Number(value);
    return typeof value === 'number' || typeof value === 'string' ? value : null;
  };
}
