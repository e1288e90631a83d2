import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { z } from 'zod';
import { markRedriven, readLetters, type WaitingLetter } from '../adapters/dynamodb/dead-letters.ts';
import { serverlessVariables } from '../adapters/dynamodb/names.ts';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { openCluster } from '../adapters/kafka/cluster.ts';
import { platformaticDriver } from '../adapters/kafka/platformatic.ts';
import { openStream } from '../adapters/kinesis/stream.ts';
import { WeirError } from '../core/contract/failure.ts';
import { type KafkaSource, parseKafkaSource } from './kafka-plan.ts';
import { contractHeader, frame } from './lambda-events.ts';

/** What an invocation asks for: letters of one source, of some codes, so many at most. */
const requestSchema = z.strictObject({
  /** Such as `payments/shardId-000000000003` or `payments.authorization.v1/3`. */
  source: z.string().min(1),
  codes: z.array(z.string()).default([]),
  lettersMax: z.int().min(1).max(10_000).default(1000),
  /** Only counts. */
  dryRun: z.boolean().default(false),
});

export type RedriveReport = {
  readonly source: string;
  readonly dryRun: boolean;
  /** By code, the letters that were found, or put back. */
  readonly letters: Readonly<Record<string, number>>;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Where letters go. */
type Target = { readonly put: (letter: WaitingLetter) => Promise<void>; readonly close: () => Promise<void> };

/**
 * Puts the original bytes of dead letters back into their stream, behind what is there. What is a letter again goes aside
 * again. A crash between putting and noting puts a letter back twice: the second copy is a duplicate.
 */
export function redriveHandler(environment: Environment = process.env): (request: unknown) => Promise<RedriveReport> {
  return async (request) => {
    const asked = requestSchema.parse(request);
    const client = new DynamoDBClient({ maxAttempts: 1 });
    const reading = { client, table: tableNames(environment).aside };
    const letters = await readLetters(reading, asked);
    const counts: Record<string, number> = {};
    for (const { code } of letters) counts[code] = (counts[code] ?? 0) + 1;
    if (!asked.dryRun && letters.length > 0) {
      const target = await openTarget(environment[serverlessVariables.redriveTarget] ?? '', asked.source);
      for (const letter of letters) {
        await target.put(letter);
        await markRedriven(reading, asked.source, { letter, processingTimeMs: Date.now() });
      }
      await target.close();
    }
    client.destroy();
    return { source: asked.source, dryRun: asked.dryRun, letters: counts };
  };
}

async function openTarget(address: string, source: string): Promise<Target> {
  const [, stream] = /^kinesis:\/\/([^/]+)$/.exec(address) ?? [];
  if (stream !== undefined) return openKinesis(stream);
  if (address.startsWith('kafka://')) return openKafka(parseKafkaSource(address), source);
  throw new WeirError({
    code: 'REDRIVE_TARGET_INVALID',
    message: `got ${serverlessVariables.redriveTarget}=${address}, expected kinesis://STREAM or kafka://BROKERS/TOPIC`,
    fix: 'Set it to the stream or the topic that the letters came from.',
  });
}

function openKinesis(name: string): Target {
  const stream = openStream(name);
  return {
    put: async ({ key, contract, bytes }) => {
      await stream.put(key, [{ partitionKey: key, data: frame(contract, bytes) }]);
    },
    close: async () => stream.close(),
  };
}

async function openKafka({ brokers, topics }: KafkaSource, source: string): Promise<Target> {
  const producer = await platformaticDriver(await openCluster({ clientId: 'weir-redrive', brokers })).openProducer();
  // The letters' own topic, where the address lists several.
  const topic = topics.find((one) => source.startsWith(`${one}/`)) ?? topics[0] ?? '';
  const partition = Number(source.split('/').at(-1));
  const encoder = new TextEncoder();
  return {
    put: async ({ key, contract, bytes: value }) => {
      const headers = [[contractHeader, encoder.encode(contract)]] as const;
      await producer.send([{ topic, partition, key: key === '' ? null : encoder.encode(key), value, headers }]);
    },
    close: async () => producer.close(),
  };
}
