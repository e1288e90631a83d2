import type { Value } from '../engine/aggregate.ts';
import { planWindows, type WindowPlan } from '../engine/window.ts';
import { keyEventsMaxDefault } from '../engine/key-gaps.ts';
import { compileExpression, readField } from './expression.ts';
import type { Plan } from './plan.ts';

/** What a window column is read off: an event, with or without its label. */
type LabelledEvent = { readonly event: object; readonly labelled: 0 | 1 };

/** What a feature is computed from: fields of the asking event and the values of its windows. */
export type FeatureInputs = { readonly fields: readonly Value[]; readonly aggregates: readonly Value[] };

/** A plan made ready to run: everything here follows from the plan, nothing is state. */
export type FeatureEngine = {
  readonly plan: Plan;
  readonly windows: WindowPlan;
  /** The longest allowed lateness of the topics that the state reads, in milliseconds. */
  readonly allowedLatenessMs: number;
  /** How far back windows over the label look; 0 when there are none. */
  readonly labelReachMs: number;
  /** Events that a key may hold in the windows of one field; it takes no more until some have left. */
  readonly keyEventsMax: number;
  readonly keyOf: readonly ((event: object) => Value)[];
  readonly windowColumns: readonly ((row: LabelledEvent) => Value)[];
  readonly rowFields: readonly ((event: object) => Value)[];
  readonly features: readonly ((inputs: FeatureInputs) => Value)[];
};

/** Makes a plan ready to run. */
export function createFeatureEngine(
  plan: Plan,
  allowedLatenessMs: number,
  keyEventsMax = keyEventsMaxDefault,
): FeatureEngine {
  const overLabel = plan.aggregates.filter((spec) => spec.usesLabel);
  return {
    plan,
    windows: planWindows(plan.aggregates, plan.keys.length),
    allowedLatenessMs,
    labelReachMs: Math.max(0, ...overLabel.map((spec) => spec.overMs + spec.delayedByMs)),
    keyEventsMax,
    keyOf: plan.keys.map(readField),
    windowColumns: plan.windowColumns.map((expression) =>
      compileExpression<LabelledEvent>(expression, (leaf) => {
        if (leaf.op === 'label') return (row) => row.labelled;
        if (leaf.op !== 'field') throw new Error(`got ${leaf.op} in a window column, expected a field or the label`);
        const read = readField(leaf.path);
        return (row) => read(row.event);
      }),
    ),
    rowFields: plan.rowFields.map(readField),
    features: plan.features.map(({ expression }) =>
      compileExpression<FeatureInputs>(expression, (leaf) => {
        if (leaf.op === 'column') return (inputs) => inputs.fields[leaf.index] ?? null;
        if (leaf.op === 'aggregate') return (inputs) => inputs.aggregates[leaf.index] ?? null;
        throw new Error(`got ${leaf.op} in a feature, expected a column or an aggregate`);
      }),
    ),
  };
}
