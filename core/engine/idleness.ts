import { noWatermarkMs, type Watermarks, watermarkMsOf } from './watermark.ts';

/** Which inputs have fallen silent, so that they hold nobody back. Plain data: a checkpoint holds it. */
export type Idleness = {
  /** Until what ingest time an input counts as speaking, milliseconds UTC, by input. */
  readonly speaksUntilMs: Map<string, number>;
  /** The watermarks of the idle inputs, which are out of the others' minimum. */
  readonly idle: Map<string, number>;
};

/** No input is idle. */
export function createIdleness(): Idleness {
  return { speaksUntilMs: new Map(), idle: new Map() };
}

/** An accepted event: its input counts as speaking for `idleMs` from its ingest time on. */
export function noteSpoken(
  { speaksUntilMs }: Idleness,
  spoken: { readonly input: string; readonly ingestTimeMs: number; readonly idleMs: number },
): void {
  const untilMs = spoken.ingestTimeMs + spoken.idleMs;
  speaksUntilMs.set(spoken.input, Math.max(speaksUntilMs.get(spoken.input) ?? noWatermarkMs, untilMs));
}

/**
 * Takes an idle input back among those whose minimum is the state's watermark, which stays where it is: it never moves
 * back. Gives true when the input was idle, so that `rest` can undo it for an event that was not accepted.
 */
export function wake({ idle }: Idleness, watermarks: Watermarks, input: string): boolean {
  const watermarkMs = idle.get(input);
  if (watermarkMs === undefined) return false;
  idle.delete(input);
  watermarks.inputs.set(input, watermarkMs);
  return true;
}

/** Makes an input idle; the state's watermark is left to `tick`. */
export function rest({ idle }: Idleness, watermarks: Watermarks, input: string): void {
  idle.set(input, watermarkMsOf(watermarks, input));
  watermarks.inputs.delete(input);
}

/**
 * Makes the inputs of a partition idle that have been silent at an ingest time, and moves the state's watermark: to the
 * least of those that still speak or, when none does, to the greatest of all, which does not depend on who fell silent
 * first. Inputs are named `<...>/<partition>`.
 */
export function tick(
  idleness: Idleness,
  watermarks: Watermarks,
  { partition, ingestTimeMs }: { readonly partition: number; readonly ingestTimeMs: number },
): void {
  for (const [input, untilMs] of idleness.speaksUntilMs) {
    if (ingestTimeMs < untilMs || !isOf(input, partition)) continue;
    idleness.speaksUntilMs.delete(input);
    rest(idleness, watermarks, input);
  }
  moveState(idleness, watermarks);
}

/** The end of a partition's inputs, while others go on: they hold nobody back. */
export function endPartition(idleness: Idleness, watermarks: Watermarks, partition: number): void {
  for (const input of [...watermarks.inputs.keys(), ...idleness.idle.keys()]) {
    if (!isOf(input, partition)) continue;
    watermarks.inputs.delete(input);
    idleness.idle.delete(input);
    idleness.speaksUntilMs.delete(input);
  }
  moveState(idleness, watermarks);
}

function moveState({ idle }: Idleness, watermarks: Watermarks): void {
  const speaking = [...watermarks.inputs.values()];
  const stateMs = speaking.length > 0 ? Math.min(...speaking) : Math.max(noWatermarkMs, ...idle.values());
  watermarks.stateMs = Math.max(watermarks.stateMs, stateMs);
}

function isOf(input: string, partition: number): boolean {
  return input.endsWith(`/${partition}`);
}
