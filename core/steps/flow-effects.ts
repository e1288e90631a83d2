import type { FlowEvent, FlowRow } from '../engine/operator.ts';
import type { AcceptedKey, Counts, DeadLetter } from '../sinks/effects.ts';

/** An event that did not enter an output, whole: too late for its partition, or one more than a state may hold. */
export type LateFlowEvent = Omit<FlowEvent, 'lateness'> & {
  readonly reason: 'tooLate' | 'stateLimit';
  /** The output whose state was full; null for an event that is too late for all. */
  readonly output: string | null;
  /** How far behind the watermark; 0 for one that was on time. Null once the input has ended. */
  readonly lateByMs: number | null;
  readonly watermarkMs: number | null;
};

/** All that a batch asks of the sinks. Replaying the batch gives the same effects again. */
export type FlowEffects = {
  /** In no order across keys; of a row's revisions the highest counts. */
  readonly rows: FlowRow[];
  readonly lateEvents: LateFlowEvent[];
  readonly deadLetters: DeadLetter[];
  readonly acceptedKeys: AcceptedKey[];
  readonly counts: Counts;
};

export function createFlowEffects(): FlowEffects {
  return { rows: [], lateEvents: [], deadLetters: [], acceptedKeys: [], counts: new Map() };
}
