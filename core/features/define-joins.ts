import type { Contract } from '../contract/contract.ts';
import { type Duration, durationMs } from '../contract/duration.ts';
import { fieldKinds } from '../contract/fields.ts';
import { fieldTerms, type FieldTerms } from './define.ts';
import { type ColumnPlan, fieldsUnder, flowExpression, pathsOf } from './flow-expression.ts';
import { contractOfInput, type FlowInput } from './flow-input.ts';
import type { IntervalJoinPlan, SidePlan, TemporalJoinPlan } from './join-plan.ts';
import type { BooleanTerm, NumberTerm, Term, TextTerm } from './term.ts';

type FieldOf = TextTerm<'event', 'now'> | NumberTerm<'event', 'now'>;
type Condition = BooleanTerm<'event', 'now'>;

/** What a column of a join may be: a value over the fields of both events. */
export type FlowColumnTerm = NumberTerm<'event', 'now'> | TextTerm<'event', 'now'> | BooleanTerm<'event', 'now'>;

type Columns = Readonly<Record<string, FlowColumnTerm>>;

/** Limits of what a join may hold; each has a default. An event beyond one goes to the late sink. */
export type JoinLimits = {
  /** Events, or versions, that one key may hold. Default 10,000. */
  readonly perKeyMax?: number;
  /** What a key group, one of 32, may hold. Default 1,000,000. */
  readonly perGroupMax?: number;
};

/** An output of a flow, as the definition language gives it: it is compiled under its name. */
export type JoinOutput<Plan> = { readonly compile: (name: string) => Plan };

/** A join of two streams whose keys are equal and whose times are near. */
export interface IntervalJoin<L, R> {
  /** A field of the left events equals one of the right ones; called again, both pairs do. */
  on(left: FieldOf, right: FieldOf): IntervalJoin<L, R>;
  /** Right events from `before` the left one's time to `after` it, both ends included; without one, from its own time. */
  within(interval: { readonly before?: Duration; readonly after?: Duration }): IntervalJoin<L, R>;
  /** Only events where these hold. */
  only(conditions: { readonly left?: Condition; readonly right?: Condition }): IntervalJoin<L, R>;
  /** Whose events go out alone when nothing matched them: `inner` (the default) has none. */
  keep(side: 'inner' | 'left' | 'right' | 'full'): IntervalJoin<L, R>;
  limit(limits: JoinLimits): IntervalJoin<L, R>;
  /** The columns of each pair. */
  of(columns: (left: FieldTerms<L>, right: FieldTerms<R>) => Columns): JoinOutput<IntervalJoinPlan>;
}

/** A join of events with the version of a dimension's row that was valid at their time. */
export interface TemporalJoin<E, D> {
  /** A field of the events equals one of the dimension's changes; called again, both pairs do. */
  on(event: FieldOf, dimension: FieldOf): TemporalJoin<E, D>;
  /** Changes that take the row away. */
  deletedWhen(condition: Condition): TemporalJoin<E, D>;
  /** What orders changes that have the same time, such as their position in the database's log; else Weir's log does. */
  orderedBy(dimension: FieldOf): TemporalJoin<E, D>;
  /** Only events and changes where these hold. */
  only(conditions: { readonly event?: Condition; readonly dimension?: Condition }): TemporalJoin<E, D>;
  /** `left` (the default) has events without a version too. */
  keep(side: 'inner' | 'left'): TemporalJoin<E, D>;
  limit(limits: JoinLimits): TemporalJoin<E, D>;
  /** The columns of each event. One that reads the dimension has its settled value beside it, as `<name>_settled`. */
  of(columns: (event: FieldTerms<E>, dimension: FieldTerms<D>) => Columns): JoinOutput<TemporalJoinPlan>;
}

/** Joins two streams: `joinIntervals(payment, dispute).on(payment.accountId, dispute.accountId).within({ after: '60d' })`. */
export function joinIntervals<L, R>(left: FlowInput<L>, right: FlowInput<R>): IntervalJoin<L, R> {
  return intervalJoin(draftOf(contractOfInput(left), contractOfInput(right)), { keep: 'inner', within: {} });
}

/** Joins events with a dimension that is fed by its changes, whose event time is when they were committed. */
export function joinVersions<E, D>(event: FlowInput<E>, dimension: FlowInput<D>): TemporalJoin<E, D> {
  return temporalJoin(draftOf(contractOfInput(event), contractOfInput(dimension)), {
    keep: 'left',
    deleted: null,
    order: null,
  });
}

type Draft<L, R> = {
  readonly left: Contract<L>;
  readonly right: Contract<R>;
  readonly keys: readonly (readonly [FieldOf, FieldOf])[];
  readonly onlyLeft: Condition | null;
  readonly onlyRight: Condition | null;
  readonly limits: JoinLimits;
};

type IntervalChoices = {
  readonly keep: IntervalJoinPlan['keep'];
  readonly within: { readonly before?: Duration; readonly after?: Duration };
};

type TemporalChoices = {
  readonly keep: 'inner' | 'left';
  readonly deleted: Condition | null;
  readonly order: FieldOf | null;
};

function draftOf<L, R>(left: Contract<L>, right: Contract<R>): Draft<L, R> {
  if (left.topic === right.topic) throw new Error(`got ${left.topic} on both sides of a join, expected two topics`);
  return { left, right, keys: [], onlyLeft: null, onlyRight: null, limits: {} };
}

function intervalJoin<L, R>(draft: Draft<L, R>, choices: IntervalChoices): IntervalJoin<L, R> {
  return {
    on: (left, right) => intervalJoin({ ...draft, keys: [...draft.keys, [left, right]] }, choices),
    within: (interval) => intervalJoin(draft, { ...choices, within: interval }),
    only: ({ left = null, right = null }) => intervalJoin({ ...draft, onlyLeft: left, onlyRight: right }, choices),
    keep: (side) => intervalJoin(draft, { ...choices, keep: side }),
    limit: (limits) => intervalJoin({ ...draft, limits }, choices),
    of: (columns) => ({ compile: (name) => intervalPlan({ draft, choices, columns, name }) }),
  };
}

function temporalJoin<E, D>(draft: Draft<E, D>, choices: TemporalChoices): TemporalJoin<E, D> {
  return {
    on: (event, dimension) => temporalJoin({ ...draft, keys: [...draft.keys, [event, dimension]] }, choices),
    deletedWhen: (condition) => temporalJoin(draft, { ...choices, deleted: condition }),
    orderedBy: (dimension) => temporalJoin(draft, { ...choices, order: dimension }),
    only: ({ event = null, dimension = null }) =>
      temporalJoin({ ...draft, onlyLeft: event, onlyRight: dimension }, choices),
    keep: (side) => temporalJoin(draft, { ...choices, keep: side }),
    limit: (limits) => temporalJoin({ ...draft, limits }, choices),
    of: (columns) => ({ compile: (name) => temporalPlan({ draft, choices, columns, name }) }),
  };
}

type Asked<L, R, Choices> = {
  readonly draft: Draft<L, R>;
  readonly choices: Choices;
  readonly columns: (left: FieldTerms<L>, right: FieldTerms<R>) => Columns;
  readonly name: string;
};

function intervalPlan<L, R>({ draft, choices, columns: make, name }: Asked<L, R, IntervalChoices>): IntervalJoinPlan {
  const { before, after } = choices.within;
  if (before === undefined && after === undefined) {
    throw new Error("got a join without .within({ before, after }), such as .within({ after: '1h' })");
  }
  const columns = columnPlans(make(fieldTerms(draft.left, 'left.'), fieldTerms(draft.right, 'right.')));
  return {
    kind: 'intervalJoin',
    name,
    left: sidePlan({ draft, side: 'left', columns, prefix: 'left.' }),
    right: sidePlan({ draft, side: 'right', columns, prefix: 'right.' }),
    beforeMs: before === undefined ? 0 : durationMs(before),
    afterMs: after === undefined ? 0 : durationMs(after),
    keep: choices.keep,
    columns,
    ...limitsOf(draft.limits),
  };
}

function temporalPlan<E, D>({ draft, choices, columns: make, name }: Asked<E, D, TemporalChoices>): TemporalJoinPlan {
  const columns = columnPlans(make(fieldTerms(draft.left, 'event.'), fieldTerms(draft.right, 'dimension.')));
  return {
    kind: 'temporalJoin',
    name,
    event: sidePlan({ draft, side: 'left', columns, prefix: 'event.' }),
    dimension: sidePlan({ draft, side: 'right', columns, prefix: 'dimension.' }),
    deleted: choices.deleted === null ? null : condition(draft.right, choices.deleted),
    ...(choices.order === null ? {} : { order: keyPath(draft.right, choices.order, 'order') }),
    keep: choices.keep,
    columns,
    ...limitsOf(draft.limits),
  };
}

function columnPlans(terms: Columns): ColumnPlan[] {
  const columns = Object.entries(terms);
  if (columns.length === 0) throw new Error('got no columns, expected at least one');
  return columns.map(([name, term]) => {
    const node: Term<'event', 'now'>['node'] | undefined = term.node;
    if (node === undefined) throw new Error(`column ${name}: got no term, expected a field or a value over fields`);
    return { name, kind: node.result, expression: flowExpression(node) };
  });
}

function sidePlan<L, R>(asked: {
  readonly draft: Draft<L, R>;
  readonly side: 'left' | 'right';
  readonly columns: readonly ColumnPlan[];
  readonly prefix: string;
}): SidePlan {
  const { draft, side, columns, prefix } = asked;
  const contract: Contract = draft[side];
  const only = side === 'left' ? draft.onlyLeft : draft.onlyRight;
  if (draft.keys.length === 0)
    throw new Error('got a join without .on(field, field), expected the fields that are equal');
  return {
    topic: contract.topic,
    topicKey: contract.key,
    keys: draft.keys.map(([left, right]) => keyPath(contract, side === 'left' ? left : right)),
    only: only === null ? null : condition(contract, only),
    fields: fieldsUnder(
      prefix,
      columns.map(({ expression }) => expression),
    ),
    allowedLatenessMs: contract.allowedLatenessMs,
  };
}

function keyPath(contract: Contract, { node }: FieldOf, what = 'key'): string {
  const known = fieldKinds(contract);
  if (node.op === 'field' && known.has(node.path)) return node.path;
  const got = node.op === 'field' ? node.path : `a ${node.op}`;
  throw new Error(`got ${got} as the ${what} of ${contract.topic}, expected one of ${[...known.keys()].join(', ')}`);
}

function condition(contract: Contract, { node }: Condition): SidePlan['only'] {
  const expression = flowExpression(node);
  const known = fieldKinds(contract);
  const unknown = pathsOf(expression).find((path) => !known.has(path));
  if (unknown === undefined) return expression;
  throw new Error(`got a condition on ${unknown}, expected fields of ${contract.topic}`);
}

function limitsOf({ perKeyMax = 10_000, perGroupMax = 1_000_000 }: JoinLimits): Required<JoinLimits> {
  for (const limit of [perKeyMax, perGroupMax]) {
    if (!Number.isSafeInteger(limit) || limit < 1) throw new Error(`got a limit of ${limit}, expected 1 or more`);
  }
  return { perKeyMax, perGroupMax };
}
