import { z } from 'zod';
import { inputContracts } from '../core/contract/contracts.ts';
import { disaggregate } from '../core/decode/aggregated-record.ts';
import type { PartitionBatch, PartitionRecord } from './keyed-batch.ts';

/** A batch of a partition, and how a failure at one of its records is told to Lambda. */
export type LambdaBatch = PartitionBatch & {
  readonly identifiers: readonly ItemIdentifier[];
};

/** What Lambda takes as the place to go on from: a sequence number of Kinesis, or a partition and an offset of Kafka. */
export type ItemIdentifier = string | { readonly partition: string; readonly offset: number };

/** The header of a Kafka record that names its contract, where the topic does not. */
export const contractHeader = 'weir-contract';

const base64 = z.string();

const kinesisEvent = z.object({
  Records: z.array(
    z.object({
      eventID: z.string(),
      eventSourceARN: z.string(),
      kinesis: z.object({
        partitionKey: z.string(),
        sequenceNumber: z.string().regex(/^\d+$/),
        data: base64,
        approximateArrivalTimestamp: z.number(),
      }),
    }),
  ),
});

const kafkaEvent = z.object({
  records: z.record(
    z.string(),
    z.array(
      z.object({
        topic: z.string(),
        partition: z.int().min(0),
        offset: z.int().min(0),
        timestamp: z.number(),
        key: base64.nullish(),
        value: base64.nullish(),
        headers: z.array(z.record(z.string(), z.array(z.number()))).nullish(),
      }),
    ),
  ),
});

/**
 * The records of a Kinesis event source mapping, by shard. A record names its contract in a line before the event; without
 * one it is of the stream's own. Aggregated records are taken apart. Throws where the payload has another shape.
 */
export function kinesisBatches(payload: unknown, streamContract: string): LambdaBatch[] {
  const shards = new Map<string, { records: PartitionRecord[]; identifiers: ItemIdentifier[]; partition: number }>();
  for (const { eventID, eventSourceARN, kinesis } of kinesisEvent.parse(payload).Records) {
    const [shard = ''] = eventID.split(':');
    const source = `${eventSourceARN.split('/').at(-1)}/${shard}`;
    const batch = shards.get(source) ?? { records: [], identifiers: [], partition: Number(shard.split('-').at(-1)) };
    shards.set(source, batch);
    const { sequenceNumber: sequence, data, partitionKey, approximateArrivalTimestamp } = kinesis;
    const whole = Buffer.from(data, 'base64');
    const ingestTimeMs = Math.round(approximateArrivalTimestamp * 1000);
    (disaggregate(whole) ?? [{ partitionKey, data: whole }]).forEach((record, subsequence) => {
      const framed = unframe(record.data, streamContract);
      batch.records.push({
        ...framed,
        key: record.partitionKey,
        position: { sequence, subsequence },
        offset: null,
        ingestTimeMs,
      });
      batch.identifiers.push(sequence);
    });
  }
  return [...shards].map(([source, batch]) => ({ source, ...batch }));
}

/**
 * The records of a Kafka event source mapping, by partition: one payload may mix them. A record's contract is named by its
 * header, or its topic, or it is `otherContract`. A tombstone is a record without bytes.
 */
export function kafkaBatches(payload: unknown, otherContract: string): LambdaBatch[] {
  return Object.entries(kafkaEvent.parse(payload).records).flatMap(([name, of]) => {
    const [first] = of;
    if (first === undefined) return [];
    const records = of.map(({ topic, offset, timestamp: ingestTimeMs, key, value, headers }) => ({
      contract: headerOf(headers ?? []) ?? contractOf(topic) ?? otherContract,
      key: Buffer.from(key ?? '', 'base64').toString(),
      position: { sequence: String(offset), subsequence: 0 },
      offset,
      ingestTimeMs,
      bytes: Buffer.from(value ?? '', 'base64'),
    }));
    const identifiers = of.map(({ offset }) => ({ partition: name, offset }));
    return [{ source: `${first.topic}/${first.partition}`, partition: first.partition, records, identifiers }];
  });
}

/** The bytes of a Kinesis record that names its contract. */
export function frame(contract: string, event: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${contract}\n`), event]);
}

const newline = 10;
const openingBrace = 123;
const contractCharactersMax = 100;

function unframe(bytes: Uint8Array, streamContract: string): Pick<PartitionRecord, 'contract' | 'bytes'> {
  const end = bytes[0] === openingBrace ? -1 : bytes.subarray(0, contractCharactersMax).indexOf(newline);
  if (end <= 0) return { contract: streamContract, bytes };
  return { contract: Buffer.from(bytes.subarray(0, end)).toString(), bytes: bytes.subarray(end + 1) };
}

function headerOf(headers: readonly Readonly<Record<string, readonly number[]>>[]): string | null {
  const bytes = headers.map((header) => header[contractHeader]).find((value) => value !== undefined);
  return bytes === undefined ? null : Buffer.from(bytes).toString();
}

function contractOf(topic: string): string | null {
  return [...inputContracts.keys()].find((name) => topic === name || topic.endsWith(`.${name}`)) ?? null;
}
