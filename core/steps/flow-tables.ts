import type { FlowEffects, LateFlowEvent } from './flow-effects.ts';
import type { Flow } from './flow-state.ts';
import type { FlowColumn, FlowRow } from '../engine/operator.ts';
import { type TableColumn, tableColumns, type TableRow, type TableSchema } from '../sinks/table-schema.ts';
import { deadLetterRow, lakeTables } from '../sinks/tables.ts';

/** The lake's tables of a flow: one an output, and what did not get in. */
export type FlowTables = {
  readonly outputs: ReadonlyMap<string, TableSchema>;
  readonly late: TableSchema;
  readonly deadLetters: TableSchema;
};

/** The shapes of a flow's tables. Every value may be null: a retraction has a name alone. */
export function flowTables({ operators }: Flow): FlowTables {
  const outputs = operators.map(({ operator }) => {
    const columns = [...tableColumns(rowColumns), ...operator.columns.map(valueColumn)];
    return [operator.output, { name: operator.output, columns }] as const;
  });
  return {
    outputs: new Map(outputs),
    late: { name: 'late', columns: tableColumns(lateColumns) },
    deadLetters: lakeTables({ features: [] }).deadLetters,
  };
}

/** The rows that a batch's effects are in the lake, by table. */
export function flowLakeRows(tables: FlowTables, effects: FlowEffects): Map<TableSchema, TableRow[]> {
  const rows = new Map<TableSchema, TableRow[]>([
    [tables.late, effects.lateEvents.map(lateRow)],
    [tables.deadLetters, effects.deadLetters.map(deadLetterRow)],
  ]);
  for (const row of effects.rows) {
    const table = tables.outputs.get(row.output);
    if (table === undefined) throw new Error(`got a row of the output ${row.output}, which has no table`);
    const known = rows.get(table);
    if (known === undefined) rows.set(table, [flowTableRow(row)]);
    else known.push(flowTableRow(row));
  }
  return rows;
}

/** A row as it stands in its table, and in a line of JSON. */
export function flowTableRow({ tenantId, key, revision, isRetraction, values }: FlowRow): TableRow {
  return { tenant_id: tenantId, key, revision, is_retraction: isRetraction, ...values };
}

const rowColumns = { tenant_id: 'text', key: 'text!', revision: 'int32', is_retraction: 'boolean' } as const;

const lateColumns = {
  topic: 'text',
  tenant_id: 'text',
  topic_key: 'text',
  event_id: 'text!',
  event_time: 'timestamp',
  partition: 'int32',
  offset: 'int64',
  reason: 'text',
  output: 'text?',
  late_by_ms: 'int64?',
  watermark: 'timestamp?',
  event: 'json!',
} as const;

const valueTypes = { number: 'double', text: 'text', boolean: 'boolean', timeMs: 'timestamp' } as const;

function valueColumn({ name, kind }: FlowColumn): TableColumn {
  return { name, type: valueTypes[kind], nullable: true };
}

function lateRow(late: LateFlowEvent): TableRow {
  return {
    topic: late.topic,
    tenant_id: late.tenantId,
    topic_key: late.topicKey,
    event_id: late.eventId,
    event_time: late.eventTimeMs,
    partition: late.partition,
    offset: late.offset,
    reason: late.reason,
    output: late.output,
    late_by_ms: late.lateByMs,
    watermark: late.watermarkMs,
    event: late.event,
  };
}
