/**
 * How far event time has come, an input at a time. An input is a source partition; a sorted file that carries several
 * topics is one input. Plain data: a checkpoint holds it.
 */
export type Watermarks = {
  readonly inputs: Map<string, number>;
  /** The watermark of state that several inputs feed: the minimum of those seen, never moving back. */
  stateMs: number;
};

/** The watermark before the first event. */
export const noWatermarkMs = Number.NEGATIVE_INFINITY;

/** The watermark after the end of a bounded input. */
export const endWatermarkMs = Number.POSITIVE_INFINITY;

export function createWatermarks(): Watermarks {
  return { inputs: new Map(), stateMs: noWatermarkMs };
}

/** The watermark of one input, `noWatermarkMs` before its first accepted event. */
export function watermarkMsOf(watermarks: Watermarks, input: string): number {
  return watermarks.inputs.get(input) ?? noWatermarkMs;
}

/** Moves an input's watermark up to `watermarkMs`; a lower one changes nothing. */
export function advanceWatermark(watermarks: Watermarks, input: string, watermarkMs: number): void {
  if (watermarkMs <= watermarkMsOf(watermarks, input)) {
    if (!watermarks.inputs.has(input)) watermarks.inputs.set(input, watermarkMs);
    return;
  }
  watermarks.inputs.set(input, watermarkMs);
  let minimumMs = endWatermarkMs;
  for (const inputMs of watermarks.inputs.values()) minimumMs = Math.min(minimumMs, inputMs);
  watermarks.stateMs = Math.max(watermarks.stateMs, minimumMs);
}

/** Ends every input: the watermark moves to +infinity. */
export function endInputs(watermarks: Watermarks): void {
  for (const input of watermarks.inputs.keys()) watermarks.inputs.set(input, endWatermarkMs);
  watermarks.stateMs = endWatermarkMs;
}
