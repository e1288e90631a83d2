import { join } from 'node:path';
import { loadMapping } from '../adapters/files/source-mapping.ts';
import { itemsOfRow, type SourceItem } from '../adapters/files/source-rows.ts';
import type { ChangeFormat } from '../core/contract/change-format.ts';
import { contracts } from '../core/contract/contracts.ts';
import type { Mapping } from '../core/contract/mapping.ts';
import { unmappableTopic } from '../core/contract/unmappable-header.ts';
import { canonicalJson } from '../core/decode/canonical.ts';
import { readVersions } from '../core/decode/row-versions.ts';
import { type Counts, countUp } from '../core/sinks/effects.ts';
import { type CapturedEvent, type CaptureTarget, openCaptureTarget } from './capture-target.ts';
import { type ItemIdentifier, kafkaBatches, kinesisBatches, type LambdaBatch } from './lambda-events.ts';
import { errorLine, metricsLine } from './lambda-metrics.ts';

/** The variables of the environment that capturing functions read. */
const captureVariables = {
  /** The module of the mapping; `mapping.mjs` beside the function without it. */
  mapping: 'WEIR_MAPPING',
  /** Where events go: `kinesis://STREAM` or `kafka://BROKERS/TOPIC`. */
  target: 'WEIR_CAPTURE_TARGET',
} as const;

/** What capturing needs. */
export type Capturing = { readonly format: ChangeFormat; readonly mapping: Mapping; readonly target: CaptureTarget };

type Environment = Readonly<Record<string, string | undefined>>;
type Response = { readonly batchItemFailures: readonly { readonly itemIdentifier: ItemIdentifier }[] };

/** A handler of event source mappings of Kinesis and Kafka alike; what it opens is opened once a process. */
export function captureHandler(
  format: ChangeFormat,
  environment: Environment = process.env,
): (payload: unknown) => Promise<Response> {
  const opened = openCapturing(format, environment);
  // A mapping that does not load fails each invocation, not the process before the first.
  opened.catch(() => undefined);
  return async (payload) => {
    const { response, counts, errors } = await capture(await opened, batchesOf(payload));
    for (const error of errors) process.stderr.write(`${errorLine(error)}\n`);
    process.stdout.write(`${metricsLine(counts, Date.now())}\n`);
    return response;
  };
}

async function openCapturing(format: ChangeFormat, environment: Environment): Promise<Capturing> {
  const path = environment[captureVariables.mapping] ?? join(import.meta.dirname, 'mapping.mjs');
  const mapping = await loadMapping(path);
  return { format, mapping, target: await openCaptureTarget(environment[captureVariables.target] ?? '') };
}

/** Kinesis sends a list of records, Kafka lists by partition. */
function batchesOf(payload: unknown): LambdaBatch[] {
  const isKinesis = typeof payload === 'object' && payload !== null && 'Records' in payload;
  return isKinesis ? kinesisBatches(payload, '') : kafkaBatches(payload, '');
}

/**
 * Makes events of the records of each partition and sends them in order. A record that makes none for a reason goes along as
 * a dead letter. Where sending fails the whole partition is to be delivered again: its events have the ids they had.
 */
export async function capture(
  { format, mapping, target }: Capturing,
  batches: readonly LambdaBatch[],
): Promise<{ readonly response: Response; readonly counts: Counts; readonly errors: readonly unknown[] }> {
  const counts: Counts = new Map();
  const errors: unknown[] = [];
  const failures = batches.map(async ({ records, identifiers }) => {
    const events = records.flatMap(({ bytes, offset }, index) =>
      eventsOf({ format, mapping, bytes, rowNumber: offset ?? index }),
    );
    countUp(counts, 'capturedRecords', records.length);
    try {
      await target.send(events);
      for (const { topic } of events) countUp(counts, topic === unmappableTopic ? 'deadLetters' : 'capturedEvents');
      return [];
    } catch (error) {
      errors.push(error);
      countUp(counts, 'failedPartitions');
      const [first] = identifiers;
      return first === undefined ? [] : [{ itemIdentifier: first }];
    }
  });
  return { response: { batchItemFailures: (await Promise.all(failures)).flat() }, counts, errors };
}

/** The events of one record, which stand or fall together. */
function eventsOf(asked: {
  readonly format: ChangeFormat;
  readonly mapping: Mapping;
  readonly bytes: Uint8Array;
  readonly rowNumber: number;
}): readonly CapturedEvent[] {
  const { format, mapping, bytes, rowNumber } = asked;
  const read = readVersions(format, bytes, mapping.keys ?? {});
  const damaged = read.ok ? [] : [{ kind: 'damaged' as const, message: read.message, bytes }];
  const rows = read.ok ? read.versions.map((row) => ({ kind: 'row' as const, row, bytes })) : damaged;
  const events = rows.flatMap((row) => {
    const name = row.kind === 'row' ? canonicalJson(row.row.key) : '';
    return itemsOfRow({ row, rowNumber, mapping }).map((item) => ({ ...item, key: keyOf(item) ?? name }));
  });
  const refused = events.find(({ topic }) => topic === unmappableTopic);
  return refused === undefined ? events : [refused];
}

/** The field that partitions the topic; of topics that Weir has no contract of, the row's key does. */
function keyOf({ topic, bytes }: SourceItem): string | null {
  const contract = contracts.get(topic);
  if (contract === undefined) return null;
  const event: unknown = JSON.parse(Buffer.from(bytes).toString());
  const value: unknown = typeof event === 'object' && event !== null ? Reflect.get(event, contract.key) : null;
  return typeof value === 'string' ? value : null;
}
