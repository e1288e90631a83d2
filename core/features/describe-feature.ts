import type { AggregateSpec } from '../engine/entry.ts';
import type { Expression, Plan } from './plan.ts';

/**
 * A feature of a plan in the words of the definition language, resolved to its last number: two features with the same
 * text compute the same values over the same log. `plus(avg(amountMinor).by(accountId).over(1d), 1)`.
 */
export function describeFeature(plan: Plan, expression: Expression): string {
  switch (expression.op) {
    case 'field':
      return expression.path;
    case 'label':
      return describeLabel(plan);
    case 'constant':
      return JSON.stringify(expression.value);
    case 'column':
      return plan.rowFields[expression.index] ?? '';
    case 'aggregate': {
      const spec = plan.aggregates[expression.index];
      return spec === undefined ? '' : describeAggregate(plan, spec);
    }
    case 'call':
      return `${expression.name}(${expression.args.map((arg) => describeFeature(plan, arg)).join(', ')})`;
  }
}

function describeAggregate(plan: Plan, spec: AggregateSpec): string {
  const { kind, key, input, where, sinceLast, overMs, delayedByMs, excludeSelf } = spec;
  const column = (index: number): string => {
    const expression = plan.windowColumns[index];
    return expression === undefined ? '' : describeFeature(plan, expression);
  };
  return [
    `${kind}(${input === null ? '' : column(input)})`,
    where === null ? '' : `.where(${column(where)})`,
    `.by(${plan.keys[key] ?? ''})`,
    `.over(${describeLength(overMs)})`,
    delayedByMs === 0 ? '' : `.delayedBy(${describeLength(delayedByMs)})`,
    sinceLast === null ? '' : `.sinceLast(${column(sinceLast)})`,
    excludeSelf ? '.excludingItself()' : '',
  ].join('');
}

function describeLabel({ label }: Plan): string {
  if (label === null) return '';
  const { name, topic, refersTo, when, knownAfterMs } = label;
  const condition = when === null ? '' : ` where ${when.field} is ${JSON.stringify(when.equals)}`;
  return `${name}{${topic}.${refersTo}${condition}, known after ${describeLength(knownAfterMs)}}`;
}

function describeLength(lengthMs: number): string {
  for (const [unit, unitMs] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const) {
    if (lengthMs % unitMs === 0) return `${lengthMs / unitMs}${unit}`;
  }
  return `${lengthMs}ms`;
}
