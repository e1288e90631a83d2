import type { Contract } from '../contract/contract.ts';
import { durationMs, type Duration } from '../contract/duration.ts';
import { fieldKinds } from '../contract/fields.ts';
import type { PartialSpec, ResultSpec } from '../engine/merge-aggregate.ts';
import type { PaneLimits } from '../engine/panes-aggregates.ts';
import type { Aggregate } from './aggregates.ts';
import { flowExpression, pathsOf } from './flow-expression.ts';
import { contractOfInput, type FlowInput } from './flow-input.ts';
import type { PanesPlan, SessionsPlan } from './pane-plan.ts';
import type { Expression } from './plan.ts';
import type { AggregateNode, BooleanTerm, Node, NumberTerm, TextTerm } from './term.ts';

/** An output of panes or sessions, as the definition language gives it: it is compiled under its name. */
export type PaneOutput = { readonly compile: (name: string) => PanesPlan | SessionsPlan };

type KeyTerm = TextTerm<'event', 'now'> | NumberTerm<'event', 'now'>;
type Results = Readonly<Record<string, Aggregate<'number', 'now'> | Aggregate<'text', 'now'>>>;

/** Events that want the key of their panes. */
export interface UnkeyedPanes {
  /** Panes by the values of these fields; the tenant always is part of the key. */
  by(...keys: readonly [KeyTerm, ...KeyTerm[]]): KeyedPanes;
}

/** Events by key that want their window. */
export interface KeyedPanes {
  /** Only events where the condition is true; an aggregate can have a condition of its own. */
  only(condition: BooleanTerm<'event', 'now'>): KeyedPanes;
  /** How much a key group, one of 32, may hold; each has a default. An event beyond goes to the late sink. */
  limit(limits: Partial<PaneLimits>): KeyedPanes;
  /** One pane after the other. */
  tumbling(size: Duration): WindowedPanes;
  /** Panes of `size` that begin one `every` so often, which divides the size. */
  hopping(size: Duration, options: { readonly every: Duration }): WindowedPanes;
  /** A pane lasts until `gap` has passed without an event of the key. */
  session(gap: Duration): WindowedPanes;
}

/** Windows that want what is told of each pane. */
export interface WindowedPanes {
  /** The results by column. The columns of the key, `pane_start` and `pane_end` stand before them. */
  of(results: Results): PaneOutput;
}

/**
 * Panes over the events of an input:
 * `panes(reading).by(reading.sensor).tumbling('1m').of({ readings: count(), mean: avg(reading.value) })`.
 */
export function panes<Event>(input: FlowInput<Event>): UnkeyedPanes {
  const contract = contractOfInput(input);
  return { by: (...keys) => keyed({ contract, keys, only: null, limits: {} }) };
}

type Draft = {
  readonly contract: Contract;
  readonly keys: readonly KeyTerm[];
  readonly only: BooleanTerm<'event', 'now'> | null;
  readonly limits: Partial<PaneLimits>;
};

type Window =
  | { readonly kind: 'panes'; readonly size: Duration; readonly every: Duration }
  | { readonly kind: 'sessions'; readonly gap: Duration };

function keyed(draft: Draft): KeyedPanes {
  const windowed = (window: Window): WindowedPanes => ({
    of: (results) => ({ compile: (name) => planOf({ draft, window, results, name }) }),
  });
  return {
    only: (condition) => keyed({ ...draft, only: condition }),
    limit: (limits) => keyed({ ...draft, limits: { ...draft.limits, ...limits } }),
    tumbling: (size) => windowed({ kind: 'panes', size, every: size }),
    hopping: (size, { every }) => windowed({ kind: 'panes', size, every }),
    session: (gap) => windowed({ kind: 'sessions', gap }),
  };
}

type Asked = { readonly draft: Draft; readonly window: Window; readonly results: Results; readonly name: string };

function planOf({ draft, window, results, name }: Asked): PanesPlan | SessionsPlan {
  const { contract } = draft;
  const parts = {
    name,
    topic: contract.topic,
    topicKey: contract.key,
    ...keyParts(draft),
    only: draft.only === null ? null : checkedExpression(contract, draft.only.node),
    ...resultParts(contract, results),
    allowedLatenessMs: contract.allowedLatenessMs,
    limits: limitsOf(draft.limits),
  };
  if (window.kind === 'sessions') return { kind: 'sessions', ...parts, gapMs: durationMs(window.gap) };
  return { kind: 'panes', ...parts, ...hopOf(window) };
}

const panesPerEventMax = 1440;

function hopOf(window: { readonly size: Duration; readonly every: Duration }): Pick<PanesPlan, 'sizeMs' | 'everyMs'> {
  const sizeMs = durationMs(window.size);
  const everyMs = durationMs(window.every);
  if (sizeMs % everyMs !== 0 || sizeMs / everyMs > panesPerEventMax) {
    throw new Error(
      `got panes of ${window.size} every ${window.every}, expected a whole number of them in the size, at most ${panesPerEventMax}`,
    );
  }
  return { sizeMs, everyMs };
}

function keyParts({ contract, keys }: Draft): Pick<PanesPlan, 'keys' | 'keyColumns'> {
  const known = fieldKinds(contract);
  const columns = keys.map(({ node }) => {
    const kind = node.op === 'field' ? known.get(node.path)?.kind : undefined;
    if (node.op === 'field' && (kind === 'text' || kind === 'number')) return { path: node.path, kind };
    const got = node.op === 'field' ? node.path : `a ${node.op}`;
    const fields = [...known].filter(([, field]) => field.kind !== 'boolean').map(([path]) => path);
    throw new Error(`got ${got} as the key of panes over ${contract.topic}, expected one of ${fields.join(', ')}`);
  });
  return {
    keys: columns.map(({ path }) => path),
    keyColumns: columns.map(({ path, kind }) => ({ name: columnNameOf(path), kind })),
  };
}

/** `accountId` is `account_id` in a row, `location.latitude` is `location_latitude`. */
function columnNameOf(path: string): string {
  return path.replaceAll('.', '_').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

type ResultParts = Pick<PanesPlan, 'columns' | 'partials' | 'results'>;

/** Results that can be read off the same partial share it. */
function resultParts(contract: Contract, asked: Results): ResultParts {
  const entries = Object.entries(asked);
  if (entries.length === 0) throw new Error('got no results, expected at least one, such as { events: count() }');
  const columns: Expression[] = [];
  const partials: PartialSpec[] = [];
  const requests = entries.map(([column, aggregate]) => explain(column, () => requestOf(contract, columns, aggregate)));
  const results = requests.map((request, index) => {
    const [column = ''] = entries[index] ?? [];
    const partial = indexIn(partials, widened(request.partial, requests));
    return {
      ...resultSpec(request.node, partial),
      column,
      type: request.node.result === 'text' ? 'text' : 'number',
    } as const;
  });
  return { columns, partials, results };
}

type Request = { readonly node: AggregateNode; readonly partial: PartialSpec };

function requestOf(contract: Contract, columns: Expression[], aggregate: Results[string] | undefined): Request {
  const node = aggregate?.node;
  if (node?.op !== 'aggregate') throw new Error('got no aggregate, expected one without a window, such as count()');
  const columnOf = (operand: Node | null): number | null =>
    operand === null ? null : indexIn(columns, checkedExpression(contract, operand));
  const kind = partialKind(node.kind);
  return { node, partial: { kind, input: columnOf(node.input), where: columnOf(node.where), accuracy: node.accuracy } };
}

function partialKind(kind: AggregateNode['kind']): PartialSpec['kind'] {
  switch (kind) {
    case 'count':
      return 'count';
    case 'sum':
    case 'avg':
      return 'sum';
    case 'stddev':
      return 'moments';
    case 'min':
    case 'max':
      return 'extremes';
    case 'median':
      return 'values';
    case 'countDistinct':
      return 'distinct';
    case 'approximateCountDistinct':
      return 'approximate';
    case 'first':
    case 'last':
      return 'ends';
    case 'quantile':
      return 'sketch';
    case 'sinceFirstMs':
    case 'sinceLastMs':
      throw new Error(`got ${kind}, which asks at the time of an event; expected an aggregate of all events of a pane`);
  }
}

/** Where the moments of an input are kept anyway, its sum is theirs. */
function widened(partial: PartialSpec, requests: readonly Request[]): PartialSpec {
  if (partial.kind !== 'sum') return partial;
  const moments: PartialSpec = { ...partial, kind: 'moments' };
  const text = JSON.stringify(moments);
  return requests.some((request) => JSON.stringify(request.partial) === text) ? moments : partial;
}

function resultSpec({ kind, quantile }: AggregateNode, partial: number): ResultSpec {
  switch (kind) {
    case 'quantile':
      return { kind, partial, quantile: quantile ?? Number.NaN };
    case 'approximateCountDistinct':
      return { kind: 'countDistinct', partial };
    case 'sinceFirstMs':
    case 'sinceLastMs':
      throw new Error(`got ${kind}, expected an aggregate of all events of a pane`);
    default:
      return { kind, partial };
  }
}

function checkedExpression(contract: Contract, node: Node): Expression {
  const expression = flowExpression(node);
  const known = fieldKinds(contract);
  const unknown = pathsOf(expression).find((path) => !known.has(path));
  if (unknown === undefined) return expression;
  throw new Error(`got the field ${unknown}, expected one of ${contract.topic}: ${[...known.keys()].join(', ')}`);
}

function limitsOf(asked: Draft['limits']): PaneLimits {
  const limits = { panesPerKeyMax: 10_000, panesMax: 1_000_000, valuesPerPaneMax: 100_000, ...asked };
  for (const [name, limit] of Object.entries(limits)) {
    if (Number.isSafeInteger(limit) && limit >= 1) continue;
    throw new Error(`got ${name} ${limit}, expected a whole number of at least 1`);
  }
  return limits;
}

function explain<T>(column: string, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    throw new Error(`column ${column}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** The place of an item in a list that holds each item once. */
function indexIn<T>(list: T[], item: T): number {
  const text = JSON.stringify(item);
  const index = list.findIndex((other) => JSON.stringify(other) === text);
  return index >= 0 ? index : list.push(item) - 1;
}
