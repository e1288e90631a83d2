import { WeirError } from '../core/contract/failure.ts';
import { pageBytes, type PageBook } from '../core/engine/pages.ts';
import type { HalfName } from './state-part.ts';

/** Bytes that the state of each half of the pipeline may take unless told otherwise: 8 GiB. */
export const stateBytesMaxDefault = 8 * 2 ** 30;

/**
 * Throws `STATE_FULL` once a half's state has outgrown its limit: the run stops before it decides more, with everything in
 * its log, and goes on under a higher limit.
 */
export function assertStateFits(
  book: PageBook,
  { half, stateBytesMax }: { half: HalfName; stateBytesMax: number },
): void {
  const sizeBytes = pageBytes(book);
  if (sizeBytes <= stateBytesMax) return;
  throw new WeirError({
    code: 'STATE_FULL',
    message: `got ${sizeBytes} bytes of state in the ${half} half, expected at most ${stateBytesMax}`,
    fix: 'Nothing is lost: run again with a higher --state-mib-max, or with shorter windows under a new --out.',
    facts: { half, sizeBytes, stateBytesMax },
  });
}
