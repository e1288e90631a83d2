import type { Entry } from '../engine/entry.ts';
import { noteLabel } from '../engine/keyed-window.ts';
import { addTimer, popDue } from '../engine/timers.ts';
import type { FeatureEngine } from './engine.ts';
import { reviseBy } from './revise.ts';
import type { EventHead, FeatureState, WaitingLabel } from './state.ts';

export type LabelEvent = {
  readonly event: EventHead;
  readonly labelKey: string;
  readonly eventTimeMs: number;
  readonly offset: number;
  /** False for an event of the label's topic that says something else, such as a dispute that is no fraud. */
  readonly carriesLabel: boolean;
  /** The ledger knows the event that it refers to, whether the windows still hold it or not. */
  readonly targetKnown: boolean;
  readonly watermarkMs: number;
  /** When it stops waiting for an event that never came. */
  readonly waitUntilMs: number;
};

/**
 * Labels an event that the windows hold. `beyondReach`: the event is known, and too old for any window to ask. Otherwise
 * the label waits for its event.
 */
export function applyLabel(
  engine: FeatureEngine,
  state: FeatureState,
  label: LabelEvent,
): 'applied' | 'beyondReach' | 'waiting' {
  const horizonMs = label.watermarkMs - engine.allowedLatenessMs - engine.labelReachMs;
  const target = state.labelled.get(label.labelKey);
  if (target !== undefined && target.entry.eventTimeMs > horizonMs) {
    if (!label.carriesLabel) return 'applied';
    setLabel(target.entry, label.eventTimeMs);
    target.keys.forEach((key, index) => {
      const keyState = key === null ? undefined : state.keys[index]?.get(key);
      if (keyState !== undefined) noteLabel(keyState, target.entry, label.eventTimeMs);
    });
    if (label.eventTimeMs <= label.watermarkMs) {
      reviseBy(engine, state, { ...target, refused: [], label: { eventTimeMs: label.eventTimeMs } });
    }
    return 'applied';
  }
  if (target !== undefined || label.targetKnown) return 'beyondReach';
  waitForEvent(state, label);
  return 'waiting';
}

/** Gives an event that enters the labels that came before it. They take effect with it. */
export function attachWaitingLabels(state: FeatureState, entry: Entry, labelKey: string): void {
  const waiting = state.waiting.get(labelKey);
  if (waiting === undefined) return;
  state.waiting.delete(labelKey);
  for (const label of waiting) if (label.carriesLabel) setLabel(entry, label.eventTimeMs);
}

/** The labels whose event never came, ordered by the end of their wait, once the watermark has passed it. */
export function expireWaitingLabels(state: FeatureState, watermarkMs: number): WaitingLabel[] {
  const expired: WaitingLabel[] = [];
  for (;;) {
    const due = popDue(state.waitingUntil, watermarkMs);
    if (due === undefined) return expired;
    const waiting = state.waiting.get(due.labelKey) ?? [];
    const left = waiting.filter((label) => label.offset !== due.offset);
    expired.push(...waiting.filter((label) => label.offset === due.offset));
    if (left.length > 0) state.waiting.set(due.labelKey, left);
    else state.waiting.delete(due.labelKey);
  }
}

function setLabel(entry: Entry, labelTimeMs: number): void {
  entry.labelTimeMs = Math.min(entry.labelTimeMs, labelTimeMs);
}

function waitForEvent(state: FeatureState, label: LabelEvent): void {
  const { labelKey, event, offset, eventTimeMs, carriesLabel, waitUntilMs } = label;
  const waiting: WaitingLabel = { event, offset, eventTimeMs, carriesLabel };
  state.waiting.set(labelKey, [...(state.waiting.get(labelKey) ?? []), waiting]);
  addTimer(state.waitingUntil, { timeMs: waitUntilMs, offset, value: { labelKey, offset } });
}
