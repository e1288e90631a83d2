import { advanceWatermark, endInputs, noWatermarkMs, watermarkMsOf, type Watermarks } from './watermark.ts';

/** What the engine remembers of an id that it has seen. */
type Remembered = { readonly bodyHash: string; readonly forgetAtMs: number };

/** The state of the checks that come before an event may touch anything else. */
export type AdmissionState = {
  readonly remembered: Map<string, Remembered>;
};

export function createAdmissionState(): AdmissionState {
  return { remembered: new Map() };
}

export type Candidate = {
  /** The source partition whose watermark judges the event. */
  readonly input: string;
  readonly idHash: string;
  readonly bodyHash: string;
  readonly eventTimeMs: number;
  readonly ingestTimeMs: number;
  readonly outOfOrdernessMs: number;
  readonly allowedLatenessMs: number;
  readonly maxFutureMs: number;
};

export type Admission =
  | { readonly kind: 'future'; readonly aheadMs: number }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'conflict' }
  | {
      readonly kind: 'onTime' | 'late' | 'tooLate';
      /** The watermark on arrival that judged the event. */
      readonly watermarkMs: number;
      /** How far behind the watermark the event is; 0 when it is on time. */
      readonly lateByMs: number;
    };

/**
 * Judges an event in the order of the law: future, duplicate or conflict, lateness. `knownBodyHash` is what the shell
 * found of the id in the ledger, where it is unique for ever: a full body hash or a prefix of it. Remembers the id of
 * whatever it accepts.
 */
export function admit(
  state: AdmissionState,
  watermarks: Watermarks,
  candidate: Candidate,
  knownBodyHash: string | undefined,
): Admission {
  const aheadMs = candidate.eventTimeMs - candidate.ingestTimeMs;
  if (aheadMs > candidate.maxFutureMs) return { kind: 'future', aheadMs };
  const firstBodyHash = state.remembered.get(candidate.idHash)?.bodyHash ?? knownBodyHash;
  if (firstBodyHash !== undefined) {
    return { kind: candidate.bodyHash.startsWith(firstBodyHash) ? 'duplicate' : 'conflict' };
  }
  const forgetAtMs = candidate.eventTimeMs + candidate.allowedLatenessMs;
  state.remembered.set(candidate.idHash, { bodyHash: candidate.bodyHash, forgetAtMs });
  return judgeLateness(watermarks, candidate);
}

/** Moves the watermark by an accepted event; a too-late one is behind it anyway. */
export function advanceByEvent(watermarks: Watermarks, candidate: Candidate): void {
  advanceWatermark(watermarks, candidate.input, candidate.eventTimeMs - candidate.outOfOrdernessMs);
}

/** The end of a bounded input. */
export function advanceToEnd(watermarks: Watermarks): void {
  endInputs(watermarks);
}

/**
 * Forgets the oldest ids whose copies would be too late, so that the shell answers for them. Called between batches
 * only: inside a batch nothing is forgotten, and what the shell knows covers all batches before it, so when exactly an
 * id is forgotten changes no result. Ids stand in order of arrival: the first that must stay ends the search.
 */
export function forgetIds(state: AdmissionState, watermarks: Watermarks): void {
  for (const [idHash, { forgetAtMs }] of state.remembered) {
    if (forgetAtMs > watermarks.stateMs) return;
    state.remembered.delete(idHash);
  }
}

/**
 * The source's watermark judges. The state's is ahead of it only for an input that was first seen late, or after the end:
 * then it is the state's, which has forgotten what is older.
 */
function judgeLateness(watermarks: Watermarks, candidate: Candidate): Admission {
  const watermarkMs = Math.max(watermarkMsOf(watermarks, candidate.input), watermarks.stateMs);
  if (watermarkMs === noWatermarkMs || candidate.eventTimeMs > watermarkMs) {
    return { kind: 'onTime', watermarkMs, lateByMs: 0 };
  }
  const lateByMs = watermarkMs - candidate.eventTimeMs;
  const kind = candidate.eventTimeMs > watermarkMs - candidate.allowedLatenessMs ? 'late' : 'tooLate';
  return { kind, watermarkMs, lateByMs };
}
