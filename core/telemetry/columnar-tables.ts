import { type Verdict, verdicts } from '../contract/measurement.ts';
import { type ColumnData, idColumn, listedTexts, numberColumn } from '../sinks/column-data.ts';
import { tableColumns, type TableRow, type TableSchema } from '../sinks/table-schema.ts';
import type { DeadLetter } from '../sinks/effects.ts';
import type { Alarm } from './alarm.ts';
import { endOfTierRow, type TierColumns, tierValues } from './columnar-tier-rows.ts';
import { type ReadingColumns, readingStatuses } from './reading-columns.ts';
import type { DeviceRegistry } from './registry.ts';
import type { LateReading } from './telemetry-effects.ts';

const pathColumns = {
  tenant_id: 'text',
  plant: 'text',
  line: 'text',
  machine: 'text',
  sensor: 'text',
  metric: 'text',
} as const;
const tierColumns = {
  ...pathColumns,
  unit: 'text',
  pane_start: 'timestamp',
  pane_end: 'timestamp',
  revision: 'int32',
  count: 'int64',
  sum: 'double',
  avg: 'double?',
  min: 'double?',
  max: 'double?',
  stddev: 'double?',
  last: 'double?',
  p50: 'double?',
  p95: 'double?',
  p99: 'double?',
  good: 'int64',
  bad: 'int64',
  uncertain: 'int64',
  wrong_unit: 'int64',
  out_of_range: 'int64',
} as const;

/** The tables of telemetry in the lake. Of a tier's rows of one pane, and of an alarm's, the highest revision counts. */
export const telemetryTables = {
  readings: {
    name: 'readings',
    partitionBy: 'event_time',
    columns: tableColumns({
      reading_id: 'text!',
      ...pathColumns,
      unit: 'text',
      value: 'double',
      verdict: 'text',
      is_converted: 'boolean',
      event_time: 'timestamp',
      ingest_time: 'timestamp',
      offset: 'int64',
      late: 'boolean',
    }),
  },
  tiers: ['tier_1m', 'tier_1h', 'tier_1d'].map((name) => {
    return { name, partitionBy: 'pane_start', columns: tableColumns(tierColumns) };
  }),
  alarms: {
    name: 'alarms',
    columns: tableColumns({
      alarm_id: 'text!',
      revision: 'int32',
      kind: 'text',
      tenant_id: 'text',
      plant: 'text',
      line: 'text?',
      machine: 'text?',
      sensor: 'text?',
      metric: 'text?',
      started_at: 'timestamp',
      raised_at: 'timestamp',
      ended_at: 'timestamp?',
      cause: 'text!',
      values: 'json!',
    }),
  },
  late: {
    name: 'late_readings',
    columns: tableColumns({
      reading_id: 'text!',
      ...pathColumns,
      unit: 'text',
      value: 'double',
      quality: 'text',
      event_time: 'timestamp',
      ingest_time: 'timestamp',
      offset: 'int64',
      reason: 'text',
      late_by_ms: 'int64?',
      watermark: 'timestamp?',
    }),
  },
  deadLetters: {
    name: 'dead_letters',
    columns: tableColumns({
      topic: 'text',
      partition: 'int32',
      offset: 'int64',
      ingest_time: 'timestamp',
      code: 'text',
      message: 'text!',
      issues: 'json!',
      bytes: 'bytes',
    }),
  },
} as const satisfies Record<string, TableSchema | readonly TableSchema[]>;

/** Rows of a table as columns in its schema's order. */
export type TelemetryRows = {
  readonly columns: readonly ColumnData[];
  readonly rows: Int32Array;
  readonly rowCount: number;
};

/** Makes the mapping of accepted rows of a batch to the table of readings. Code, not state. */
export function createReadingTable(
  registry: DeviceRegistry,
  rowsMax: number,
): (columns: ReadingColumns) => TelemetryRows {
  const paths = pathFields.map((name) => codedColumn(textsOf(registry, name), rowsMax));
  const rows = new Int32Array(rowsMax);
  const offset = new Float64Array(rowsMax);
  const isLate = new Uint8Array(rowsMax);
  const verdictOf = listedTexts(verdicts.map((verdict) => utf8.encode(verdict)));
  return (columns) => {
    let rowCount = 0;
    const { status, sensor, text } = columns;
    for (let row = 0; row < columns.counts[0]!; row++) {
      if (sensor[row]! < 0 || status[row] === readingStatuses.aside) continue;
      rows[rowCount++] = row;
      offset[row] = columns.firstOffset[0]! + row;
      isLate[row] = status[row] === readingStatuses.late ? 1 : 0;
    }
    const made: ColumnData[] = [
      { kind: 'spans', bytes: text, starts: columns.idStart, ends: columns.idEnd },
      ...paths.map((path) => path(sensor, columns.counts[0]!)),
      { kind: 'spans', bytes: text, starts: columns.unitStart, ends: columns.unitEnd },
      numberColumn(columns.value),
      idColumn(columns.verdict, verdictOf),
      numberColumn(columns.isConverted),
      numberColumn(columns.eventTimeMs),
      numberColumn(columns.ingestTimeMs),
      numberColumn(offset),
      numberColumn(isLate),
    ];
    return { columns: made, rows, rowCount };
  };
}

/** Makes the mapping of rows of tiers to the table of one of them. Code, not state. */
export function createTierTable(
  registry: DeviceRegistry,
  rowsMax: number,
): (columns: TierColumns, tier: number) => TelemetryRows {
  const paths = [...pathFields, 'unit' as const].map((name) => codedColumn(textsOf(registry, name), rowsMax));
  const rows = new Int32Array(rowsMax);
  const endMs = new Float64Array(rowsMax);
  return (columns, tier) => {
    let rowCount = 0;
    for (let row = 0; row < columns.rowCount; row++) {
      if (columns.tier[row] !== tier) continue;
      rows[rowCount++] = row;
      endMs[row] = endOfTierRow(columns, row);
    }
    const countOf = (verdict: Verdict): ColumnData => numberColumn(columns.counts[verdicts.indexOf(verdict)]!);
    const made = [
      ...paths.map((path) => path(columns.sensor, columns.rowCount)),
      numberColumn(columns.startMs),
      numberColumn(endMs),
      numberColumn(columns.revision),
      countOf('good'),
      ...tierValues.map((_, place) => numberColumn(columns.values[place]!)),
      ...(['good', 'bad', 'uncertain', 'wrongUnit', 'outOfRange'] as const).map(countOf),
    ];
    return { columns: made, rows, rowCount };
  };
}

const pathFields = ['tenantId', 'plant', 'line', 'machine', 'sensor', 'metric'] as const;

function textsOf({ devices }: DeviceRegistry, name: (typeof pathFields)[number] | 'unit'): readonly string[] {
  return devices.map((device) => device[name]);
}

const utf8 = new TextEncoder();

/** A text of each sensor as a column: few texts, each with a number. */
function codedColumn(texts: readonly string[], rowsMax: number): (sensor: Int32Array, rowCount: number) => ColumnData {
  const numbers = new Map<string, number>();
  const codes = Int32Array.from(texts, (text) => {
    const known = numbers.get(text);
    if (known === undefined) numbers.set(text, numbers.size);
    return known ?? numbers.size - 1;
  });
  const textOf = listedTexts([...numbers.keys()].map((text) => utf8.encode(text)));
  const ids = new Int32Array(rowsMax);
  return (sensor, rowCount) => {
    for (let row = 0; row < rowCount; row++) ids[row] = sensor[row]! < 0 ? -1 : codes[sensor[row]!]!;
    return idColumn(ids, textOf);
  };
}

/** The row of an alarm's revision. */
export function alarmRow({ alarmId, tenantId, startedAtMs, raisedAtMs, endedAtMs, ...alarm }: Alarm): TableRow {
  const times = { started_at: startedAtMs, raised_at: raisedAtMs, ended_at: endedAtMs };
  return { ...alarm, alarm_id: alarmId, tenant_id: tenantId, ...times };
}

/** The row of a reading that came too late. */
export function lateReadingRow({ reading, ingestTimeMs, lateByMs, watermarkMs, ...late }: LateReading): TableRow {
  const { tenantId, readingId, eventTimeMs, ...rest } = reading;
  const times = { event_time: eventTimeMs, ingest_time: ingestTimeMs, late_by_ms: lateByMs, watermark: watermarkMs };
  return { ...rest, tenant_id: tenantId, reading_id: readingId, ...late, ...times };
}

/** The row of a dead letter. */
export function telemetryLetterRow({ refusal, ingestTimeMs, ...letter }: DeadLetter): TableRow {
  return { ...letter, ingest_time: ingestTimeMs, ...refusal };
}
