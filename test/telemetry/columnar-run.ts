import { createColumnSpace, measureLayout } from '../../core/decode/column-space.ts';
import { createLogBlock, type LogBlock } from '../../core/decode/log-block.ts';
import type { LogRecord } from '../../core/engine/record.ts';
import { createColumnarTelemetry, runTelemetry, takeRevised } from '../../core/columnar-telemetry-pipeline.ts';
import type { Alarm } from '../../core/telemetry/alarm.ts';
import { type ColdPane, takeColdPanes } from '../../core/telemetry/columnar-cold-panes.ts';
import { type KnownReadings, takeOpenReadings } from '../../core/telemetry/columnar-identity.ts';
import type { ColumnarTelemetryState } from '../../core/telemetry/columnar-state.ts';
import { type TierColumns, tierValues } from '../../core/telemetry/columnar-tier-rows.ts';
import { layOutReadings, type ReadingColumns } from '../../core/telemetry/reading-columns.ts';
import type { LateReading } from '../../core/telemetry/telemetry-effects.ts';
import type { Telemetry } from '../../core/telemetry/telemetry-state.ts';
import type { DeadLetter } from '../../core/sinks/effects.ts';

/** What a run in columns came to; tier rows are texts by their key, with the revision first. */
export type ColumnarRun = {
  readonly tiers: Map<string, { readonly revision: number; readonly values: readonly (number | null)[] }>;
  readonly alarms: Alarm[];
  readonly lateEvents: LateReading[];
  readonly deadLetters: DeadLetter[];
  readonly counts: Map<string, number>;
  /** Panes that were taken back into memory, and rows whose identity was looked up. */
  restored: number;
  lookUps: number;
};

type Identity = { readonly id: number; readonly body: number };

/** Runs a log in batches with a shell in memory; a cut ends after every few batches, and puts panes outside. */
export function runColumnar(
  telemetry: Telemetry,
  log: readonly LogRecord[],
  { batchRecords = 97, cutBatches = 3, between = (state: ColumnarTelemetryState) => state } = {},
): ColumnarRun {
  let pipeline = createColumnarTelemetry(telemetry);
  const layOut = (space: Parameters<typeof layOutReadings>[0]) => layOutReadings(space, batchRecords);
  const columns = layOut(createColumnSpace(new ArrayBuffer(measureLayout(layOut))));
  const block = createLogBlock({ recordsMax: batchRecords, partition: 0 });
  const outside = new Map<number, ColdPane>();
  const index = new Map<string, Identity[]>();
  const ran: ColumnarRun = {
    tiers: new Map(),
    alarms: [],
    lateEvents: [],
    deadLetters: [],
    counts: new Map(),
    restored: 0,
    lookUps: 0,
  };
  let cutOffset = 0;
  for (let at = 0, batch = 1; at < log.length; at += batchRecords, batch++) {
    fill(block, log.slice(at, at + batchRecords));
    const effects = runTelemetry(pipeline, {
      block,
      columns,
      lookUp: (wanted) => {
        const panes = [...wanted.panes.keys()].flatMap((key) => outside.get(key) ?? []);
        for (const { key } of panes) outside.delete(key);
        ran.restored += panes.length;
        ran.lookUps += wanted.rows.length;
        return { known: knownOf(index, wanted.rows, columns), panes };
      },
    });
    keep(ran, effects.tierRows);
    ran.alarms.push(...effects.alarms);
    ran.lateEvents.push(...effects.lateEvents);
    ran.deadLetters.push(...effects.deadLetters);
    for (const [name, by] of effects.counts) ran.counts.set(name, (ran.counts.get(name) ?? 0) + by);
    if (batch % cutBatches !== 0 && at + batchRecords < log.length) continue;
    keep(ran, takeRevised(pipeline.state));
    const readings = takeOpenReadings(pipeline.state);
    for (let number = 0; number < readings.count; number++) {
      const key = `${readings.sensor[number]} ${readings.eventTimeMs[number]}`;
      const identity = { id: readings.idHash[number]!, body: readings.bodyHash[number]! };
      index.set(key, [...(index.get(key) ?? []), identity]);
    }
    const cold = takeColdPanes(pipeline.state, cutOffset, telemetry.registry.plantOfRow);
    for (const pane of cold) outside.set(pane.key, pane);
    cutOffset = at + batchRecords;
    pipeline = createColumnarTelemetry(telemetry, between(pipeline.state));
  }
  return ran;
}

function knownOf(
  index: ReadonlyMap<string, readonly Identity[]>,
  rows: readonly number[],
  { rowsMax, sensor, eventTimeMs }: ReadingColumns,
): KnownReadings {
  const known = { idHash: new Array<number>(), bodyHash: new Array<number>() };
  const first = new Int32Array(rowsMax);
  const end = new Int32Array(rowsMax);
  for (const row of rows) {
    first[row] = known.idHash.length;
    for (const { id, body } of index.get(`${sensor[row]} ${eventTimeMs[row]}`) ?? []) {
      known.idHash.push(id);
      known.bodyHash.push(body);
    }
    end[row] = known.idHash.length;
  }
  return { ...known, first, end };
}

function keep({ tiers }: ColumnarRun, blocks: readonly TierColumns[]): void {
  for (const block of blocks) {
    for (let row = 0; row < block.rowCount; row++) {
      const key = `${block.tier[row]} ${block.sensor[row]} ${block.startMs[row]}`;
      const values = [...block.values, ...block.counts].map((column) => column[row]!);
      const revision = block.revision[row]!;
      if ((tiers.get(key)?.revision ?? -1) > revision) throw new Error(`got revision ${revision} of ${key} again`);
      tiers.set(key, { revision, values: values.map((value) => (Number.isNaN(value) ? null : value)) });
    }
  }
}

/** The names of the values of a row, in order, as the readable rows have them. */
export const tierColumnNames = [...tierValues, 'bad', 'uncertain', 'wrong_unit', 'out_of_range', 'good'];

function fill(block: LogBlock, records: readonly LogRecord[]): void {
  block.bytes = Buffer.concat(records.map(({ bytes }) => bytes));
  block.count = records.length;
  block.firstOffset = records[0]!.offset;
  let at = 0;
  for (const [row, { topic, bytes, ingestTimeMs }] of records.entries()) {
    if (!block.topics.includes(topic)) block.topics.push(topic);
    block.topic[row] = block.topics.indexOf(topic);
    block.start[row] = at;
    at += bytes.length;
    block.end[row] = at;
    block.ingestTimeMs[row] = ingestTimeMs;
  }
}
