import type { SourceItem } from '../adapters/files/source.ts';
import { controlTopic } from '../core/engine/record.ts';
import type { Effects } from '../core/sinks/effects.ts';
import type { Embedded, Incoming } from './embedded.ts';

/** What a run tells after each batch. */
export type Progress = {
  readonly effects: Effects;
  /** From just before the batch was appended to the log until its decisions were durable, in milliseconds. */
  readonly latencyMs: number;
};

export type RunSourceOptions = {
  readonly embedded: Embedded;
  /** The source from its beginning: what the log holds already is skipped. */
  readonly items: AsyncIterable<readonly SourceItem[]>;
  /** `endOfInput` moves the watermark to +infinity at the end; `stayOpen` leaves it for a later run. */
  readonly atEnd: 'endOfInput' | 'stayOpen';
  readonly appendRecordsMax?: number;
  readonly onProgress?: (progress: Progress) => void;
  /** Stops the run after the batch under way; nothing is lost, a later run goes on. */
  readonly signal?: AbortSignal;
  /** Resolves when the next batch may be appended: a chosen speed. */
  readonly pace?: (recordsAppended: number) => Promise<void>;
};

/** Reads a source into the log and runs the core over it, then commits. Resumes where the log ends. */
export async function runSource(options: RunSourceOptions): Promise<'complete' | 'stopped'> {
  const { embedded, items, atEnd, signal } = options;
  drain(options, performance.now());
  let position = 0;
  for await (const batch of items) {
    const incoming: Incoming[] = [];
    for (const item of batch) {
      position++;
      if (position > (embedded.lastSourcePosition ?? 0)) incoming.push({ ...item, sourcePosition: position });
    }
    await appendAll(options, incoming);
    if (isStopped(signal)) break;
  }
  const stopped = isStopped(signal);
  if (!stopped && atEnd === 'endOfInput' && position >= (embedded.lastSourcePosition ?? 0)) {
    embedded.append([{ topic: controlTopic, bytes: new Uint8Array(), sourcePosition: position + 1 }]);
    drain(options, performance.now());
  }
  embedded.commit();
  return stopped ? 'stopped' : 'complete';
}

async function appendAll(options: RunSourceOptions, incoming: readonly Incoming[]): Promise<void> {
  const { embedded, appendRecordsMax = 1000, pace, signal } = options;
  for (let from = 0; from < incoming.length && !isStopped(signal); from += appendRecordsMax) {
    const some = incoming.slice(from, from + appendRecordsMax);
    await pace?.(some.length);
    const startMs = performance.now();
    embedded.append(some);
    drain(options, startMs);
  }
}

/** Runs the core over what the log holds. */
function drain({ embedded, onProgress, signal }: RunSourceOptions, startMs: number): void {
  while (!isStopped(signal)) {
    const effects = embedded.advance();
    if (effects === null) return;
    onProgress?.({ effects, latencyMs: performance.now() - startMs });
  }
}

function isStopped(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
