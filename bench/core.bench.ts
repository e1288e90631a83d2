import { arrive, createState, step } from '../core/pipeline.ts';
import type { LogRecord } from '../core/engine/record.ts';
import { assemble, shippedFiles } from '../runtime/assemble.ts';
import { serialise } from '../simulate/item.ts';
import { simulatePayments } from '../simulate/payments.ts';

const recordsMax = 30_000;
const batchRecords = 1000;

export const name = 'core';

/** The core alone, from bytes to effects, over the first records of the simulated world: no disk, no sinks. */
export async function run(): Promise<number> {
  const { weir } = await assemble(shippedFiles);
  const state = createState(weir);
  for (let from = 0; from < log.length; from += batchRecords) {
    const arrivals = log.slice(from, from + batchRecords).map(arrive);
    step(weir, state, { arrivals, known: new Map(), recorded: new Map() });
  }
  return log.length;
}

const log = createLog();

function createLog(): LogRecord[] {
  const records: LogRecord[] = [];
  for (const item of simulatePayments({ seed: 1 })) {
    if (records.length === recordsMax) break;
    const ingestTimeMs = item.event.eventTimeMs;
    records.push({ topic: item.topic, partition: 0, offset: records.length, ingestTimeMs, bytes: serialise(item) });
  }
  return records;
}
