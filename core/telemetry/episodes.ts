import { countUp, type Counts } from '../sinks/effects.ts';
import type { Alarm } from './alarm.ts';

/** What is known of one kind of alarm of one sensor. Plain data. */
export type Episode = {
  /** Null while there is none. */
  startedAtMs: number | null;
  /** The alarm of the episode that goes on; null where it was not raised. */
  alarm: Alarm | null;
  /** When the last alarm was raised, -Infinity before the first. */
  lastRaisedAtMs: number;
};

/** Where alarms go. */
export type AlarmSink = { readonly alarms: Alarm[]; readonly counts: Counts };

/** No episode yet. */
export function createEpisode(): Episode {
  return { startedAtMs: null, alarm: null, lastRaisedAtMs: Number.NEGATIVE_INFINITY };
}

/** What makes the alarm of an episode. */
export type Begun = {
  /** When the episode started, unless it goes on already. */
  readonly startedAtMs: number;
  /** How far the clock has come that judges the condition, and since when it holds. */
  readonly clockMs: number;
  readonly holdsSinceMs: number;
  readonly refractoryMs: number;
  readonly alarmOf: (times: Pick<Alarm, 'startedAtMs' | 'raisedAtMs'>) => Alarm;
};

/**
 * The condition of an alarm holds: raises it, once an episode, and not before the refractory period after the last one is
 * over. Gives when it wants to be asked again: null once it was raised.
 */
export function begin(sink: AlarmSink, episode: Episode, begun: Begun): number | null {
  const isNew = episode.startedAtMs === null;
  episode.startedAtMs ??= begun.startedAtMs;
  if (episode.alarm !== null) return null;
  const raisedAtMs = Math.max(begun.holdsSinceMs, episode.lastRaisedAtMs + begun.refractoryMs);
  if (raisedAtMs > begun.clockMs) {
    if (isNew) countUp(sink.counts, 'alarms.suppressed');
    return raisedAtMs;
  }
  const alarm = begun.alarmOf({ startedAtMs: episode.startedAtMs, raisedAtMs });
  episode.alarm = alarm;
  episode.lastRaisedAtMs = raisedAtMs;
  sink.alarms.push(alarm);
  countUp(sink.counts, `alarms.${alarm.kind}`);
  return null;
}

/** The condition is over: ends the episode, and the alarm where it was raised. */
export function end(sink: AlarmSink, episode: Episode, endedAtMs: number): void {
  if (episode.alarm !== null) sink.alarms.push({ ...episode.alarm, revision: 1, endedAtMs });
  episode.startedAtMs = null;
  episode.alarm = null;
}
