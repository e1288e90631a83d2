import { setTimeout as delay } from 'node:timers/promises';
import { WeirError } from '../core/contract/failure.ts';

/** What no second attempt can mend. */
const finalCodes = new Set([
  'OFFSET_OUT_OF_RANGE',
  'PARTITIONS_CHANGED',
  'SHARDS_CHANGED',
  'RUN_CHANGED',
  'STATE_FULL',
  'LOG_CORRUPT',
  'SOURCES_CORRUPT',
  'ENGINE_CHANGED',
  'TOPIC_UNKNOWN',
  'STREAM_UNKNOWN',
  'KAFKA_DENIED',
  'KINESIS_DENIED',
  'DYNAMODB_DENIED',
  'INSTANCE_TAKEN',
  'RECORD_TOO_LARGE',
  'DISK_FAILED',
  'DISK_FULL',
  'S3_BUCKET_UNKNOWN',
  'S3_DENIED',
  'REMOTE_STATE_CORRUPT',
]);
const limits = { backoffMs: 250, backoffMsMax: 2000 } as const;

/** Is it of no use to try again? */
export function isFinal(failure: Error): boolean {
  return !(failure instanceof WeirError) || finalCodes.has(failure.code);
}

/** Runs sessions until the signal, each from what is committed; what a session cannot get over is thrown. */
export async function runSessions(
  runSession: () => Promise<void>,
  { signal, onTrouble }: { readonly signal: AbortSignal; readonly onTrouble?: ((error: Error) => void) | undefined },
): Promise<void> {
  let backoffMs: number = limits.backoffMs;
  while (!signal.aborted) {
    const startMs = performance.now();
    try {
      await runSession();
      return;
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      if (isFinal(failure)) throw failure;
      onTrouble?.(failure);
    }
    // A session that lasted begins anew at once.
    if (performance.now() - startMs > limits.backoffMsMax) backoffMs = limits.backoffMs;
    await delay(backoffMs, undefined, { signal }).catch(() => undefined);
    backoffMs = Math.min(backoffMs * 2, limits.backoffMsMax);
  }
}

/** What ends a session: the signal, or the first failure. */
export function createEnding(signal: AbortSignal): {
  readonly ended: Promise<void>;
  readonly fail: (error: Error) => void;
  readonly failure: () => Error | null;
} {
  let first: Error | null = null;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => end(), { once: true });
  if (signal.aborted) end();
  return {
    ended,
    fail: (error) => {
      first ??= error;
      end();
    },
    failure: () => first,
  };
}
