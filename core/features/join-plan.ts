import type { Value } from '../engine/aggregate.ts';
import { createIntervalJoin, type IntervalJoinState, type JoinSide } from '../engine/interval-join.ts';
import type { FlowColumn, FlowEvent, FlowRow, Operator } from '../engine/operator.ts';
import { createTemporalJoin, type JoinedVersions } from '../engine/temporal-join.ts';
import type { TemporalJoinState, Version } from '../engine/temporal-state.ts';
import { readField } from './expression.ts';
import { type ColumnPlan, compileColumn, compileEventValue, pathsOf, type SideFields } from './flow-expression.ts';
import type { Expression } from './plan.ts';

/** One side of a join: plain data. */
export type SidePlan = {
  readonly topic: string;
  /** The field that partitions the topic. */
  readonly topicKey: string;
  /** The fields that are equal to those of the other side, in order. */
  readonly keys: readonly string[];
  readonly only: Expression | null;
  /** The fields that columns read. */
  readonly fields: readonly string[];
  readonly allowedLatenessMs: number;
};

/** An interval join: plain data. Columns read `left.` and `right.` fields. */
export type IntervalJoinPlan = {
  readonly kind: 'intervalJoin';
  readonly name: string;
  readonly left: SidePlan;
  readonly right: SidePlan;
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly keep: 'inner' | 'left' | 'right' | 'full';
  readonly columns: readonly ColumnPlan[];
  readonly perKeyMax: number;
  readonly perGroupMax: number;
};

/** A temporal join: plain data. Columns read `event.` and `dimension.` fields. */
export type TemporalJoinPlan = {
  readonly kind: 'temporalJoin';
  readonly name: string;
  readonly event: SidePlan;
  readonly dimension: SidePlan;
  readonly deleted: Expression | null;
  /** The field of the dimension that orders changes of the same time. */
  readonly order?: string;
  readonly keep: 'inner' | 'left';
  readonly columns: readonly ColumnPlan[];
  readonly perKeyMax: number;
  readonly perGroupMax: number;
};

/** The operator of an interval join. */
export function intervalJoinOf(plan: IntervalJoinPlan): Operator<IntervalJoinState> {
  const { name, left, right, beforeMs, afterMs, keep, columns, perKeyMax, perGroupMax } = plan;
  const fields: SideFields = { left: left.fields, right: right.fields };
  const computed = columns.map((column) => ({ name: column.name, compute: compileColumn(column, fields) }));
  return createIntervalJoin({
    output: name,
    left: sideOf(left),
    right: sideOf(right),
    beforeMs,
    afterMs,
    keep,
    columns: columns.map((column) => ({ name: column.name, kind: column.kind })),
    valuesOf: (leftValues, rightValues) => {
      const sides = { left: leftValues, right: rightValues };
      return Object.fromEntries(computed.map((column) => [column.name, column.compute(sides)]));
    },
    eventsPerKeyMax: perKeyMax,
    eventsMax: perGroupMax,
  });
}

/** The operator of a temporal join. */
export function temporalJoinOf(plan: TemporalJoinPlan): Operator<TemporalJoinState> {
  const { name, event, dimension, deleted, order, keep, perKeyMax, perGroupMax } = plan;
  const isDeletion = holds(deleted);
  return createTemporalJoin({
    output: name,
    event: sideOf(event),
    dimension: sideOf(dimension),
    isDeletion: deleted === null ? () => false : isDeletion,
    ...(order === undefined ? {} : { orderOf: orderOf(order) }),
    keep,
    columns: temporalColumns(plan),
    valuesOf: temporalValues(plan),
    versionsPerKeyMax: perKeyMax,
    eventsPerKeyMax: perKeyMax,
    entriesMax: perGroupMax,
  });
}

function orderOf(path: string): (event: FlowEvent) => Value {
  const read = readField(path);
  return ({ event }) => read(event);
}

/** The columns of a temporal join: what reads the dimension is there twice, and the version that was read as well. */
function temporalColumns({ columns }: TemporalJoinPlan): FlowColumn[] {
  return [
    ...columns.flatMap((column): FlowColumn[] => {
      const { name, kind } = column;
      return readsDimension(column)
        ? [
            { name, kind },
            { name: `${name}_settled`, kind },
          ]
        : [{ name, kind }];
    }),
    ...versionColumns.map((name): FlowColumn => ({
      name,
      kind: name.startsWith('version_time') ? 'timeMs' : 'number',
    })),
  ];
}

const versionColumns = [
  'version_time',
  'version_partition',
  'version_offset',
  'version_time_settled',
  'version_partition_settled',
  'version_offset_settled',
] as const;

function temporalValues({
  columns,
  event,
  dimension,
}: TemporalJoinPlan): (joined: JoinedVersions) => FlowRow['values'] {
  const fields: SideFields = { event: event.fields, dimension: dimension.fields };
  const computed = columns.map((column) => ({
    name: column.name,
    isTwofold: readsDimension(column),
    compute: compileColumn(column, fields),
  }));
  return (joined) => {
    const values: Record<string, string | number | boolean | null> = {};
    for (const { name, isTwofold, compute } of computed) {
      values[name] = compute({ event: joined.event, dimension: joined.decision?.values ?? null });
      if (isTwofold) {
        values[`${name}_settled`] = compute({ event: joined.event, dimension: joined.settled?.values ?? null });
      }
    }
    return { ...values, ...placeOf(joined.decision, ''), ...placeOf(joined.settled, '_settled') };
  };
}

function placeOf(version: Version | null, suffix: '' | '_settled'): Record<string, number | null> {
  return {
    [`version_time${suffix}`]: version?.eventTimeMs ?? null,
    [`version_partition${suffix}`]: version?.partition ?? null,
    [`version_offset${suffix}`]: version?.offset ?? null,
  };
}

function readsDimension({ expression }: ColumnPlan): boolean {
  return pathsOf(expression).some((path) => path.startsWith('dimension.'));
}

function sideOf({ topic, keys, only, fields, allowedLatenessMs }: SidePlan): JoinSide {
  const readKeys = keys.map(readField);
  const readValues = fields.map(readField);
  return {
    topic,
    allowedLatenessMs,
    accepts: holds(only),
    keyOf: ({ tenantId, event }) => {
      const key: Value[] = readKeys.map((read) => read(event));
      return key.includes(null) ? null : JSON.stringify([tenantId, ...key]);
    },
    read: ({ event }) => readValues.map((read) => read(event)),
  };
}

/** A condition that is null holds always; one whose value is null does not. */
function holds(expression: Expression | null): (event: FlowEvent) => boolean {
  if (expression === null) return () => true;
  const read = compileEventValue(expression);
  return (event) => read(event) === 1;
}
