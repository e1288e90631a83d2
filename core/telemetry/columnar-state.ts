import { readingContract } from '../contract/reading.ts';
import { createTimerQueue, pushTimer, type TimerQueue } from '../engine/timer-queue.ts';
import { noWatermarkMs } from '../engine/watermark.ts';
import { createPaneStore, type PaneStore } from './columnar-panes.ts';
import { createTimers } from '../engine/timers.ts';
import { createEpisode } from './episodes.ts';
import type { SensorState, Telemetry, TelemetryState } from './telemetry-state.ts';

/** Everything that telemetry in columns remembers. Plain data. */
export type ColumnarTelemetryState = {
  /** The plants, and of the sensors those alone that ever began an episode, by row: their episodes are objects. */
  readonly rare: TelemetryState;
  readonly sensors: SensorColumns;
  readonly panes: PaneStore;
  /** By plant, the first slot of the panes that end then, by `endKey`. */
  readonly ends: readonly Map<number, number>[];
  /** By plant, no pane ends before; Infinity without any. */
  readonly nextEndMs: Float64Array;
  /** By plant, one timer a sensor at most, no later than it may count as silent. */
  readonly silence: readonly TimerQueue[];
  /** The panes whose rows are to be sent again. */
  readonly dirty: number[];
  /** No plant counts as offline before the ingest clock reaches this. */
  offlineAtMs: number;
  readonly open: OpenReadings;
};

/** What is remembered of all sensors, `sensorNumbers` doubles and `sensorWords` integers each, by row of the registry. */
export type SensorColumns = { readonly numbers: Float64Array; readonly words: Int32Array };

/** The columns of a sensor that are doubles. The last values are a ring of pairs of time and value. */
export const sensorNumber = {
  newestMs: 0,
  anchorMs: 1,
  anchorValue: 2,
  runMs: 3,
  coverage: 4,
  values: 20,
} as const;

/** The columns of a sensor that are integers. */
export const sensorWord = {
  flags: 0,
  intervals: 1,
  /** How many values were ever put into the ring. */
  values: 2,
  /** Its newest accepted reading of the open cut, plus 1; 0 where there is none. */
  lastReading: 3,
  /** By tier, the pane that a reading entered last, plus 1. */
  panes: 4,
} as const;

/** A sensor has an episode; it has a timer; it has a run of values. */
export const sensorFlag = { rare: 1, timed: 2, running: 4 } as const;

export const sensorNumbers = 52;
export const sensorWords = 8;

/** The accepted readings of the open cut, as look-ups need them: where each sensor's one before is, plus 1. */
export type OpenReadings = {
  readonly segments: OpenSegment[];
  count: number;
};

export type OpenSegment = {
  readonly before: Int32Array;
  readonly sensor: Int32Array;
  readonly eventTimeMs: Float64Array;
  /** The newest of its sensor up to and with it. */
  readonly newestMs: Float64Array;
  readonly idHash: Uint32Array;
  readonly bodyHash: Uint32Array;
};

/** How many readings a segment holds. */
export const openSegmentBits = 14;

/** The state before the first record. */
export function createColumnarTelemetryState({ registry }: Telemetry): ColumnarTelemetryState {
  const { devices, plants } = registry;
  const numbers = new Float64Array(devices.length * sensorNumbers);
  const words = new Int32Array(devices.length * sensorWords);
  for (let row = 0; row < devices.length; row++) {
    numbers[row * sensorNumbers + sensorNumber.newestMs] = Number.NEGATIVE_INFINITY;
    words[row * sensorWords + sensorWord.flags] = sensorFlag.timed;
  }
  return {
    rare: {
      ingestClockMs: Number.NEGATIVE_INFINITY,
      offlineFromMs: Number.NEGATIVE_INFINITY,
      plants: plants.map(createPlant),
      sensors: [],
    },
    sensors: { numbers, words },
    panes: createPaneStore(),
    ends: plants.map(() => new Map<number, number>()),
    nextEndMs: new Float64Array(plants.length).fill(Number.POSITIVE_INFINITY),
    silence: plants.map(({ rows }) => createSilence(rows)),
    dirty: [],
    offlineAtMs: Number.NEGATIVE_INFINITY,
    open: { segments: [], count: 0 },
  };
}

/** As in the readable state; its timers, panes and identities lie elsewhere here. */
function createPlant(): TelemetryState['plants'][number] {
  return {
    watermarkMs: noWatermarkMs,
    alarmWatermarkMs: noWatermarkMs,
    silentFromMs: Number.NEGATIVE_INFINITY,
    lastIngestMs: Number.NEGATIVE_INFINITY,
    offline: createEpisode(),
    silence: createTimers(),
    tiers: [],
    remembered: new Map(),
  };
}

/** Due at the plant's first step, so that a sensor that never speaks is found as well. */
function createSilence(rows: readonly number[]): TimerQueue {
  const queue = createTimerQueue();
  for (const row of rows) pushTimer(queue, firstDueMs, row, row);
  return queue;
}

const firstDueMs = -8.64e15;

/** A sensor's episodes and values as the readable core has them, made of its columns. */
export function sensorStateOf(state: ColumnarTelemetryState, row: number): SensorState {
  const { numbers, words } = state.sensors;
  const at = row * sensorNumbers;
  const known = state.rare.sensors[row];
  const isRunning = (words[row * sensorWords]! & sensorFlag.running) !== 0;
  const anchor = { eventTimeMs: numbers[at + sensorNumber.anchorMs]!, value: numbers[at + sensorNumber.anchorValue]! };
  return {
    newestMs: numbers[at + sensorNumber.newestMs]!,
    coverage: [],
    values: valuesOf(state, row),
    run: isRunning ? { anchor, lastMs: numbers[at + sensorNumber.runMs]! } : null,
    isTimed: true,
    high: known?.high ?? createEpisode(),
    low: known?.low ?? createEpisode(),
    range: known?.range ?? createEpisode(),
    stuck: known?.stuck ?? createEpisode(),
    silent: known?.silent ?? createEpisode(),
  };
}

function valuesOf({ sensors }: ColumnarTelemetryState, row: number): { eventTimeMs: number; value: number }[] {
  const { numbers, words } = sensors;
  const count = words[row * sensorWords + sensorWord.values]!;
  const values: { eventTimeMs: number; value: number }[] = [];
  for (let index = Math.max(0, count - valuesKept); index < count; index++) {
    const at = row * sensorNumbers + sensorNumber.values + (index % valuesKept) * 2;
    values.push({ eventTimeMs: numbers[at]!, value: numbers[at + 1]! });
  }
  return values;
}

/** How many of a sensor's last values are kept. */
export const valuesKept = 16;

/** Times of the contract that both halves of admission read. */
export const readingTimes = {
  allowedLatenessMs: readingContract.allowedLatenessMs,
  maxFutureMs: readingContract.maxFutureMs,
  outOfOrdernessMs: readingContract.outOfOrdernessMs,
} as const;
