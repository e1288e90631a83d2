import { kinesisLimits as limits } from './port.ts';

/** Doubled at each attempt, with half of it left to chance. */
export function backoffMs(attempt: number): number {
  const full = Math.min(limits.retryMsMax, limits.retryMs * 2 ** (attempt - 1));
  return (full * (1 + Math.random())) / 2;
}
