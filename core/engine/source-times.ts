import { noWatermarkMs } from './watermark.ts';

/**
 * How far each source partition of a state that several feed has come. All are known from the start: one that nobody has
 * heard of yet holds the state back, as what it has may be older than anything. Plain data: a checkpoint holds it.
 */
export type SourceTimes = {
  /** By source partition; -Infinity before it has spoken. */
  readonly watermarkMs: Float64Array;
  /** 1 where it has fallen silent, and is out of the others' minimum until it speaks again. */
  readonly isIdle: Uint8Array;
  /** By source partition, then by contract: the offset after the last record that was taken. */
  readonly next: Float64Array;
  /** The least watermark of those that speak, the greatest of all when none does; it never moves back. */
  stateMs: number;
};

/** No source has spoken. */
export function createSourceTimes(partitions: number, contracts: number): SourceTimes {
  return {
    watermarkMs: new Float64Array(partitions).fill(noWatermarkMs),
    isIdle: new Uint8Array(partitions),
    next: new Float64Array(partitions * contracts),
    stateMs: noWatermarkMs,
  };
}

/** A copy, for a checkpoint. */
export function copySourceTimes({ watermarkMs, isIdle, next, stateMs }: SourceTimes): SourceTimes {
  return { watermarkMs: watermarkMs.slice(), isIdle: isIdle.slice(), next: next.slice(), stateMs };
}

/** A record of a source is new, and noted as taken; one that came before is a copy. */
export function isNewFromSource(
  { next, watermarkMs }: SourceTimes,
  source: { readonly partition: number; readonly contract: number; readonly offset: number },
): boolean {
  const at = source.partition * (next.length / watermarkMs.length) + source.contract;
  if (source.offset < next[at]!) return false;
  next[at] = source.offset + 1;
  return true;
}

/** A source has spoken, and says how far it has come; moves the state's watermark. */
export function moveSource(
  times: SourceTimes,
  source: { readonly partition: number; readonly watermarkMs: number; readonly isIdle: boolean },
): void {
  const { watermarkMs, isIdle } = times;
  const { partition } = source;
  if (source.watermarkMs > watermarkMs[partition]!) watermarkMs[partition] = source.watermarkMs;
  isIdle[partition] = source.isIdle ? 1 : 0;
  let leastMs = Infinity;
  let greatestMs = noWatermarkMs;
  let speaking = 0;
  for (let number = 0; number < watermarkMs.length; number++) {
    greatestMs = Math.max(greatestMs, watermarkMs[number]!);
    if (isIdle[number] === 1) continue;
    speaking++;
    leastMs = Math.min(leastMs, watermarkMs[number]!);
  }
  const reachedMs = speaking > 0 ? leastMs : greatestMs;
  if (reachedMs > times.stateMs) times.stateMs = reachedMs;
}
