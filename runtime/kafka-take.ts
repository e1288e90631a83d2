import type { KafkaBatch, KafkaRecord } from '../adapters/kafka/port.ts';
import { noTraces } from '../adapters/opentelemetry/port.ts';
import type { Columnar } from './columnar.ts';
import type { KafkaPlan } from './kafka-partition.ts';
import type { SourcePositions } from './source-positions.ts';

/** Where the records of a partition's topics go. */
export type Taking = {
  readonly scoring: Columnar;
  readonly positions: SourcePositions;
  readonly plan: KafkaPlan;
  /** Of the batch's topic. */
  readonly contract: string;
  readonly push: (() => Promise<void>) | null;
  /** Decides what was appended, in the log from an offset on. */
  readonly decide: (records: readonly KafkaRecord[], firstLogOffset: number, contract: string) => Promise<void>;
};

/** Records between two notes of where the topics go on. */
const saveRecords = 65_536;

/** Appends what of a batch is new to the log of its partition, and has it decided. */
export async function takeBatch(taking: Taking, batch: KafkaBatch): Promise<void> {
  const { scoring, positions, contract, plan, push, decide } = taking;
  const { read, cutRecords, traces = noTraces } = plan;
  const next = positions.nextOf(contract) ?? 0;
  const fresh = batch.records.filter(({ offset }) => offset >= next);
  if (fresh.length === 0) return;
  // A tombstone is no event: it goes to the dead letters, as other bytes that are none.
  const values = await read(
    fresh.map(({ offset, value }) => ({ topic: contract, offset, bytes: value ?? new Uint8Array() })),
  );
  if (values.length !== fresh.length)
    throw new RangeError(`got ${values.length} values of records, expected ${fresh.length}, one of each`);
  const incoming = values.map(({ topic, bytes }, index) => {
    const { offset, timestampMs } = fresh[index]!;
    return { topic, bytes, sourcePosition: offset, ingestTimeMs: timestampMs };
  });
  // What is brought to an object store goes there cut by cut: a fetch may hold several.
  const partMax = push === null ? incoming.length : cutRecords;
  for (let from = 0; from < incoming.length;) {
    const before = scoring.nextOffset;
    const first = from;
    const part = incoming.slice(from, from + partMax - (push === null ? 0 : before % cutRecords));
    from += part.length;
    positions.add(part.map(({ sourcePosition }) => ({ topic: contract, sourcePosition })));
    await traces.stage('append', () => scoring.append(part));
    await traces.stage('decide', () => decide(fresh.slice(first, from), before, contract));
    if (Math.floor(before / saveRecords) !== Math.floor(scoring.nextOffset / saveRecords)) positions.save();
    if (push === null || scoring.nextOffset % cutRecords > 0) continue;
    await scoring.rest();
    await push();
  }
}
