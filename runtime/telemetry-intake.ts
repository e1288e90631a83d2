import { setImmediate } from 'node:timers/promises';
import type { SubmittedReading, TelemetryPort } from '../adapters/http/port.ts';
import { WeirError } from '../core/contract/failure.ts';
import { readingContract } from '../core/contract/reading.ts';
import type { DeviceRegistry } from '../core/telemetry/registry.ts';
import { claimDirectory } from './claim.ts';
import { openTelemetry } from './telemetry.ts';

/** The owner of a log of readings that callers send. */
export type TelemetryIntake = TelemetryPort & {
  /** Rejects with what ended it: nothing is taken any more. */
  readonly failed: Promise<never>;
  /** Takes no more, watches what it has taken, and commits. */
  readonly close: () => Promise<void>;
};

/** So few at a time that a payment beside them waits a millisecond or two. */
const batchRecordsMax = 256;

/** Opens a directory of telemetry for readings that come one batch at a time; what a crash left in its log is watched first. */
export async function openTelemetryIntake({
  dir,
  registry,
}: {
  readonly dir: string;
  readonly registry: DeviceRegistry;
}): Promise<TelemetryIntake> {
  claimDirectory({ dir, name: 'telemetry', manifest: { source: { path: 'http' } } });
  const run = openTelemetry({ dir, registry, batchRecordsMax });
  await run.process({ lagRecordsMax: 0 });
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  let isOpen = true;
  let appended: Promise<void> = Promise.resolve();
  let watching: Promise<void> | null = null;
  const watch = async (): Promise<void> => {
    while (run.lagRecords > 0) {
      await setImmediate();
      await run.process({ lagRecordsMax: Math.max(0, run.lagRecords - batchRecordsMax) });
    }
  };
  const fail = (error: unknown): void => {
    isOpen = false;
    failure.reject(error);
  };
  const append = async (readings: readonly SubmittedReading[]): Promise<void> => {
    await run.append(readings.map(({ bytes }) => ({ topic: readingContract.topic, bytes, sourcePosition: 0 })));
    watching ??= watch()
      .catch(fail)
      .finally(() => {
        watching = null;
      });
  };
  return {
    failed: failure.promise,
    append: async (readings) => {
      if (!isOpen) throw notReady(dir);
      const mine = appended.then(async () => append(readings));
      appended = mine.catch(() => undefined);
      return mine;
    },
    close: async () => {
      isOpen = false;
      await appended;
      await watching;
      await run.commit();
      await run.close();
    },
  };
}

function notReady(dir: string): WeirError {
  return new WeirError({
    code: 'NOT_READY',
    message: `got readings for ${dir}, which takes none any more`,
    fix: 'Send them again once a process serves it: a reading is counted once.',
    facts: { dir },
  });
}
