import { controlTopic } from '../core/engine/record.ts';
import type { BatchReport, Scoring, TimedIncoming } from './scoring.ts';

/** What a runner tells of a batch, whatever else it says. */
type Report = Pick<BatchReport, 'records' | 'nextOffset'>;

/** What a run tells after each batch. */
export type Progress<Told extends Report = BatchReport> = Told & {
  /** Of records whose decisions became durable with the batch: how many, and how long before they were appended, ms. */
  readonly latencies: readonly { readonly records: number; readonly latencyMs: number }[];
};

/** Where the records of a source go: a pipeline over one output directory, whatever it computes. */
export type SourceRunner<Told extends Report = BatchReport> = Pick<
  Scoring,
  'lastSourcePosition' | 'nextOffset' | 'lagRecords' | 'commit'
> & {
  readonly append: (incoming: readonly TimedIncoming[]) => Promise<void>;
  readonly process: (options: {
    readonly lagRecordsMax: number;
    readonly onBatch?: ((report: Told) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  }) => Promise<void>;
};

/** What a source gives: a record for the log, but for its place. */
export type SourceRecord = Omit<TimedIncoming, 'sourcePosition'>;

export type RunSourceOptions<Told extends Report = BatchReport> = {
  readonly scoring: SourceRunner<Told>;
  /** The source from its beginning: what the log holds already is skipped. */
  readonly items: AsyncIterable<readonly SourceRecord[]>;
  /** `endOfInput` moves the watermark to +infinity at the end; `stayOpen` leaves it for a later run. */
  readonly atEnd: 'endOfInput' | 'stayOpen';
  readonly appendRecordsMax?: number;
  /** How far reading may be ahead of the decisions; 0 waits for each batch. */
  readonly lagRecordsMax?: number;
  readonly onProgress?: (progress: Progress<Told>) => void;
  /** Stops the run after the batch under way; nothing is lost, a later run goes on. */
  readonly signal?: AbortSignal;
  /** Resolves when the next batch may be appended: a chosen speed. */
  readonly pace?: (recordsAppended: number) => Promise<void>;
};

/** Reads a source into the log and runs the pipeline over it, then commits. Resumes where the log ends. */
export async function runSource<Told extends Report>(options: RunSourceOptions<Told>): Promise<'complete' | 'stopped'> {
  const { scoring, items, atEnd, signal } = options;
  const run: Run<Told> = { options, appended: [] };
  await process(run, 0);
  let position = 0;
  for await (const batch of items) {
    const incoming: TimedIncoming[] = [];
    for (const item of batch) {
      position++;
      if (position > (scoring.lastSourcePosition ?? 0)) incoming.push({ ...item, sourcePosition: position });
    }
    await appendAll(run, incoming);
    if (isStopped(signal)) break;
  }
  const stopped = isStopped(signal);
  if (!stopped && atEnd === 'endOfInput' && position >= (scoring.lastSourcePosition ?? 0)) {
    await append(run, [{ topic: controlTopic, bytes: new Uint8Array(), sourcePosition: position + 1 }]);
  }
  if (!stopped) await process(run, 0);
  await scoring.commit();
  return stopped ? 'stopped' : 'complete';
}

type Run<Told extends Report> = {
  readonly options: RunSourceOptions<Told>;
  /** What was appended and is not decided yet: its end, how many records, and when. */
  readonly appended: { readonly endOffset: number; readonly records: number; readonly startMs: number }[];
};

async function appendAll<Told extends Report>(run: Run<Told>, incoming: readonly TimedIncoming[]): Promise<void> {
  const { appendRecordsMax = 1000, lagRecordsMax = 0, pace, signal } = run.options;
  for (let from = 0; from < incoming.length && !isStopped(signal); from += appendRecordsMax) {
    const some = incoming.slice(from, from + appendRecordsMax);
    await pace?.(some.length);
    await append(run, some);
    await process(run, lagRecordsMax);
  }
}

async function append<Told extends Report>(
  { options, appended }: Run<Told>,
  incoming: readonly TimedIncoming[],
): Promise<void> {
  const { scoring } = options;
  const startMs = performance.now();
  await scoring.append(incoming);
  const endOffset = scoring.nextOffset + scoring.lagRecords;
  appended.push({ endOffset, records: incoming.length, startMs });
}

async function process<Told extends Report>({ options, appended }: Run<Told>, lagRecordsMax: number): Promise<void> {
  const { scoring, onProgress, signal } = options;
  const onBatch = (report: Told): void => {
    const latencies: { records: number; latencyMs: number }[] = [];
    for (let first = appended[0]; first !== undefined && first.endOffset <= report.nextOffset; first = appended[0]) {
      latencies.push({ records: first.records, latencyMs: performance.now() - first.startMs });
      appended.shift();
    }
    onProgress?.({ ...report, latencies });
  };
  await scoring.process({ lagRecordsMax, onBatch, signal });
}

function isStopped(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
