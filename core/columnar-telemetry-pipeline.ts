import { verdicts } from './contract/measurement.ts';
import type { LogBlock } from './decode/log-block.ts';
import { type Counts, countUp, type DeadLetter } from './sinks/effects.ts';
import type { Alarm } from './telemetry/alarm.ts';
import { arriveReading, type ReadingArrival } from './telemetry/arrive-reading.ts';
import {
  findOfflinePlants,
  findSilentRows,
  notePlantRow,
  takeLiveRow,
  watchSilentRow,
} from './telemetry/columnar-alarms.ts';
import { type Wanted, type ColdPane, restorePanes, wantedOf } from './telemetry/columnar-cold-panes.ts';
import { createReadingDecoder, decodeReadings, type ReadingDecoder, recordOf } from './telemetry/columnar-decode.ts';
import {
  coverRow,
  identities,
  identityOf,
  joinIntervals,
  type KnownReadings,
  rememberRow,
} from './telemetry/columnar-identity.ts';
import { rowOfPane, segmentOfPane } from './telemetry/columnar-panes.ts';
import { paneFlag, paneWord } from './telemetry/pane-columns.ts';
import {
  type ColumnarTelemetryState,
  createColumnarTelemetryState,
  readingTimes,
  sensorNumber,
  sensorNumbers,
} from './telemetry/columnar-state.ts';
import { createTierColumns, type TierColumns, writeTierRow } from './telemetry/columnar-tier-rows.ts';
import { endPanes, takeIntoPanes, type TieredReading } from './telemetry/columnar-tiers.ts';
import { advanceIngestClock, advancePlant, endPlants } from './telemetry/plant-time.ts';
import { type ReadingColumns, readingStatuses } from './telemetry/reading-columns.ts';
import { refuseRecord, setReadingAside } from './telemetry/take-reading.ts';
import { createTelemetryEffects, type LateReading } from './telemetry/telemetry-effects.ts';
import type { Telemetry } from './telemetry/telemetry-state.ts';

/** Telemetry over columns: code, and the state that a checkpoint holds. */
export type ColumnarTelemetry = {
  readonly telemetry: Telemetry;
  readonly decoder: ReadingDecoder;
  readonly state: ColumnarTelemetryState;
};

/** Makes the pipeline; without a state it begins before the first record. */
export function createColumnarTelemetry(telemetry: Telemetry, state?: ColumnarTelemetryState): ColumnarTelemetry {
  return {
    telemetry,
    decoder: createReadingDecoder(telemetry.registry),
    state: state ?? createColumnarTelemetryState(telemetry),
  };
}

/** A block of the log, and the columns that it goes to. */
export type ReadingBatch = {
  readonly block: LogBlock;
  readonly columns: ReadingColumns;
  /** Asks the shell for what is outside of memory, once the rows are decoded. */
  readonly lookUp: (
    wanted: Wanted,
    columns: ReadingColumns,
  ) => { readonly known: KnownReadings; readonly panes: readonly ColdPane[] };
};

/** What comes of a block beside its columns: rows of tiers that ended, and what is rare. */
export type ReadingBatchEffects = {
  readonly tierRows: readonly TierColumns[];
  readonly alarms: readonly Alarm[];
  readonly lateEvents: readonly LateReading[];
  readonly deadLetters: readonly DeadLetter[];
  readonly counts: Counts;
};

/**
 * Telemetry, as `step` of `telemetry-pipeline.ts` does it: decodes a block, admits its rows and takes them into tiers and
 * alarms, in log order. Rows of late panes that were sent before are sent by `takeRevised`.
 */
export function runTelemetry(pipeline: ColumnarTelemetry, batch: ReadingBatch): ReadingBatchEffects {
  const { telemetry, decoder, state } = pipeline;
  const { block, columns } = batch;
  const others = decodeReadings(decoder, block, columns);
  const found = batch.lookUp(wantedOf(state, columns, telemetry.registry.plantOfRow), columns);
  restorePanes(state, found.panes);
  const taking: Taking = {
    telemetry,
    state,
    block,
    columns,
    known: found.known,
    effects: createTelemetryEffects(),
    tierRows: [],
    tallies: new Float64Array(tallyNames.length),
    tiered: { sensor: 0, place: 0, watermarkMs: 0, eventTimeMs: 0, offset: 0, verdict: 0, value: 0 },
  };
  for (let row = 0; row < block.count; row++) {
    advanceIngestClock(state.rare, telemetry.registry, columns.ingestTimeMs[row]!);
    if (columns.sensor[row]! >= 0) takeRow(taking, row);
    else takeOther(taking, others.get(row));
    findOfflinePlants(state, taking.effects, telemetry.registry);
  }
  const { alarms, lateEvents, deadLetters, counts } = taking.effects;
  countUp(counts, 'records', block.count);
  for (const [place, name] of tallyNames.entries()) {
    if (taking.tallies[place]! > 0) countUp(counts, name, taking.tallies[place]);
  }
  return { tierRows: taking.tierRows, alarms, lateEvents, deadLetters, counts };
}

/** The rows of panes that late readings changed since their rows were sent. Once a cut at least: the last one counts. */
export function takeRevised({ panes, dirty }: ColumnarTelemetryState): readonly TierColumns[] {
  const rows: TierColumns[] = [];
  for (const slot of dirty) {
    const { words } = segmentOfPane(panes, slot);
    if ((words[rowOfPane(slot) + paneWord.flags]! & paneFlag.dirty) !== 0) addTierRow(panes, slot, rows);
  }
  dirty.length = 0;
  return rows;
}

type Taking = {
  readonly telemetry: Telemetry;
  readonly state: ColumnarTelemetryState;
  readonly block: LogBlock;
  readonly columns: ReadingColumns;
  readonly known: KnownReadings;
  readonly effects: ReturnType<typeof createTelemetryEffects>;
  readonly tierRows: TierColumns[];
  readonly tallies: Float64Array;
  readonly tiered: TieredReading;
};

const tallyNames = ['accepted', 'converted', 'late', ...verdicts.map((verdict) => `verdict.${verdict}`)];
const tallyAt = { accepted: 0, converted: 1, late: 2, verdicts: 3 } as const;
const tierRowsMax = 1024;

function takeRow(taking: Taking, row: number): void {
  const { state, columns, telemetry, known } = taking;
  const sensor = columns.sensor[row]!;
  const timeMs = columns.eventTimeMs[row]!;
  const place = telemetry.registry.plantOfRow[sensor]!;
  const { watermarkMs } = state.rare.plants[place]!;
  const aheadMs = timeMs - columns.ingestTimeMs[row]!;
  if (aheadMs > readingTimes.maxFutureMs) return setRowAside(taking, row, { kind: 'future', aheadMs });
  if (timeMs <= watermarkMs - readingTimes.allowedLatenessMs) {
    return setRowAside(taking, row, { kind: 'tooLate', watermarkMs, lateByMs: watermarkMs - timeMs });
  }
  const identity = identityOf(state, columns, row, known);
  if (identity !== identities.unknown) {
    return setRowAside(taking, row, { kind: identity === identities.same ? 'duplicate' : 'conflict' });
  }
  acceptRow(taking, row, { sensor, place, watermarkMs });
}

type Accepted = { readonly sensor: number; readonly place: number; readonly watermarkMs: number };

function acceptRow(taking: Taking, row: number, { sensor, place, watermarkMs }: Accepted): void {
  const { state, columns, telemetry, effects, tiered } = taking;
  const { registry, freshnessMs } = telemetry;
  const eventTimeMs = columns.eventTimeMs[row]!;
  const ingestTimeMs = columns.ingestTimeMs[row]!;
  const verdict = columns.verdict[row]!;
  const value = columns.value[row]!;
  const isLate = eventTimeMs <= watermarkMs;
  tally(taking, row, isLate);
  tiered.sensor = sensor;
  tiered.place = place;
  tiered.watermarkMs = watermarkMs;
  tiered.eventTimeMs = eventTimeMs;
  tiered.offset = taking.block.firstOffset + row;
  tiered.verdict = verdict;
  tiered.value = value;
  takeIntoPanes(state, tiered);
  const isFresh = ingestTimeMs - eventTimeMs <= freshnessMs;
  const newestMs = state.sensors.numbers[sensor * sensorNumbers + sensorNumber.newestMs]!;
  const isLive = isFresh && !isLate && eventTimeMs > newestMs;
  notePlantRow(state, effects, { place, ingestTimeMs });
  if (isLive) takeLiveRow(state, { sink: effects, registry, sensor, verdict, eventTimeMs, value });
  const joinMs = joinIntervals * registry.devices[sensor]!.expectedIntervalMs;
  const tooLateMs = watermarkMs - readingTimes.allowedLatenessMs;
  coverRow(state, sensor, { timeMs: eventTimeMs, joinMs, tooLateMs });
  if (isLive) watchSilentRow(state, registry, sensor);
  rememberRow(state, columns, row);
  passTime(taking, place, { eventTimeMs, ingestTimeMs, isFresh });
}

function tally({ columns, tallies }: Taking, row: number, isLate: boolean): void {
  columns.status[row] = isLate ? readingStatuses.late : readingStatuses.onTime;
  tallies[tallyAt.accepted]!++;
  tallies[tallyAt.verdicts + columns.verdict[row]!]!++;
  if (columns.isConverted[row] === 1) tallies[tallyAt.converted]!++;
  if (isLate) tallies[tallyAt.late]!++;
}

/** Moves the time of a plant: panes end, and sensors that have not spoken for too long are found. */
function passTime(taking: Taking, place: number, reading: Parameters<typeof advancePlant>[2]): void {
  const { state, telemetry, effects } = taking;
  const plant = state.rare.plants[place]!;
  const alarmMs = plant.alarmWatermarkMs;
  advancePlant(plant, telemetry.registry.plants[place]!, reading);
  endPlantPanes(taking, place);
  if (plant.alarmWatermarkMs > alarmMs) findSilentRows(state, effects, { registry: telemetry.registry, place });
}

function endPlantPanes({ state, tierRows }: Taking, place: number): void {
  const { watermarkMs } = state.rare.plants[place]!;
  endPanes(state, { place, watermarkMs }, (slot) => addTierRow(state.panes, slot, tierRows));
}

function addTierRow(panes: ColumnarTelemetryState['panes'], slot: number, rows: TierColumns[]): void {
  let columns = rows.at(-1);
  if (columns === undefined || columns.rowCount === columns.rowsMax) {
    columns = createTierColumns(tierRowsMax);
    rows.push(columns);
  }
  writeTierRow(panes, slot, columns);
}

function setRowAside({ block, effects, telemetry, columns }: Taking, row: number, admission: Aside): void {
  columns.status[row] = readingStatuses.aside;
  if (admission.kind === 'duplicate') return countUp(effects.counts, 'duplicates');
  setReadingAside(effects, readingOf(telemetry, recordOf(block, row)), admission);
}

type Aside = Parameters<typeof setReadingAside>[2];

/** A record that was read before, as the readable decoder has it. */
function readingOf({ registry }: Telemetry, record: ReadingArrival['record']) {
  const arrival = arriveReading(registry, record);
  if (arrival.kind === 'reading') return arrival;
  throw new Error(`got ${arrival.kind} at offset ${record.offset}, expected the reading that it was before`);
}

/** A row that is no reading of a sensor. */
function takeOther(taking: Taking, arrival: Exclude<ReadingArrival, { kind: 'reading' }> | undefined): void {
  if (arrival === undefined) throw new Error('got a row that is neither a reading nor refused');
  if (arrival.kind === 'refused') return refuseRecord(taking.effects, arrival.record, arrival.refusal);
  if (arrival.kind === 'tick') return;
  endPlants(taking.state.rare);
  for (const place of taking.telemetry.registry.plants.keys()) endPlantPanes(taking, place);
}
