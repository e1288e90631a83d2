import { WeirError } from '../../core/contract/failure.ts';
import { kafkaLimits } from './port.ts';

/** How often it is looked whether a limit has passed. */
const lookMs = 100;

/**
 * The result of a call, or `KAFKA_UNREACHABLE` when there is none in time: a library may try again for long. Time in which
 * this thread did other work counts little: an answer may have come that nobody has read.
 */
export async function withinLimit<Result>(
  { doing, limitMs = kafkaLimits.answerMs }: { readonly doing: string; readonly limitMs?: number },
  call: () => Promise<Result>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    let waitedMs = 0;
    let lookedMs = performance.now();
    timer = setInterval(() => {
      const nowMs = performance.now();
      waitedMs += Math.min(nowMs - lookedMs, 2 * lookMs);
      lookedMs = nowMs;
      if (waitedMs >= limitMs) reject(tooLate(doing, limitMs));
    }, lookMs);
  });
  try {
    return await Promise.race([call(), late]);
  } finally {
    clearInterval(timer);
  }
}

/** Closes what may be beyond reach: what does not end in time is left to the broker, which gives it up by itself. */
export async function closeWithin(close: () => Promise<unknown>): Promise<void> {
  await withinLimit({ doing: 'closing', limitMs: kafkaLimits.closeMs }, close).catch(() => undefined);
}

function tooLate(doing: string, limitMs: number): WeirError {
  return new WeirError({
    code: 'KAFKA_UNREACHABLE',
    message: `Kafka, while ${doing}: got no answer in ${limitMs / 1000} s`,
    fix: 'Check the brokers and the network; what was not committed is read again.',
    facts: { doing, limitMs },
  });
}
