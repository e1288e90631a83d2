import type { Measurement } from '../contract/measurement.ts';
import type { Reading } from '../contract/reading.ts';
import type { FlowRow } from '../engine/operator.ts';
import type { Counts, DeadLetter } from '../sinks/effects.ts';
import type { Alarm } from './alarm.ts';

/** An accepted reading, judged, with its place in the log. */
export type TakenReading = {
  readonly measurement: Measurement;
  readonly partition: number;
  readonly offset: number;
  readonly ingestTimeMs: number;
  readonly isLate: boolean;
};

/** A reading that came too late for the state, whole. */
export type LateReading = {
  readonly reading: Reading;
  readonly partition: number;
  readonly offset: number;
  readonly ingestTimeMs: number;
  readonly reason: 'tooLate';
  /** How far behind the watermark that judged it; both null once the bounded input has ended. */
  readonly lateByMs: number | null;
  readonly watermarkMs: number | null;
};

/** The identity of an accepted reading with its body, for the shell's index. */
export type AcceptedReading = {
  /** The sensor's row in the registry. */
  readonly row: number;
  readonly eventTimeMs: number;
  readonly key: string;
  readonly body: string;
};

/** All that a batch asks of the sinks, in log order. Replaying the batch gives the same effects again. */
export type TelemetryEffects = {
  /** What goes to the lake's table of readings. An Iceberg writer would take these, the tier rows and the alarms. */
  readonly readings: TakenReading[];
  readonly tierRows: FlowRow[];
  readonly alarms: Alarm[];
  readonly lateEvents: LateReading[];
  readonly deadLetters: DeadLetter[];
  readonly acceptedKeys: AcceptedReading[];
  /**
   * `records`, `accepted`, `verdict.good` ..., `converted`, `late`, `tooLate`, `duplicates`, `deadLetters.future` ...,
   * `alarms.high` ..., `alarms.suppressed`.
   */
  readonly counts: Counts;
};

/** Nothing yet. */
export function createTelemetryEffects(): TelemetryEffects {
  return {
    readings: [],
    tierRows: [],
    alarms: [],
    lateEvents: [],
    deadLetters: [],
    acceptedKeys: [],
    counts: new Map(),
  };
}
