import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createKeyedStore } from '../adapters/dynamodb/keyed-store.ts';
import { serverlessVariables } from '../adapters/dynamodb/names.ts';
import { requestMs } from '../adapters/dynamodb/requests.ts';
import { tableNames } from '../adapters/dynamodb/tables.ts';
import { authorizationContract } from '../core/contract/authorization.ts';
import { WeirError } from '../core/contract/failure.ts';
import { type Counts, countUp } from '../core/sinks/effects.ts';
import { readDefinition } from './lambda-definition.ts';
import type { KeyedRuntime } from './keyed-batch.ts';
import { takePartition } from './keyed-partition.ts';
import type { ItemIdentifier, LambdaBatch } from './lambda-events.ts';
import { errorLine, metricsLine } from './lambda-metrics.ts';

/** What Lambda takes back: where each partition or shard that failed goes on. */
export type BatchResponse = { readonly batchItemFailures: readonly { readonly itemIdentifier: ItemIdentifier }[] };

type Environment = Readonly<Record<string, string | undefined>>;

/** A handler of an event source mapping; what it opens is opened once a process. */
export function scoreHandler(
  batchesOf: (payload: unknown, contract: string) => LambdaBatch[],
  environment: Environment = process.env,
): (payload: unknown) => Promise<BatchResponse> {
  const contract = environment[serverlessVariables.contract] ?? authorizationContract.topic;
  const opened = openRuntime(environment);
  return async (payload) => {
    const { response, counts, errors } = await takeBatches(await opened, batchesOf(payload, contract));
    for (const error of errors) process.stderr.write(`${errorLine(error)}\n`);
    process.stdout.write(`${metricsLine(counts, Date.now())}\n`);
    return response;
  };
}

/** Takes the batches of a payload, each partition by itself. */
export async function takeBatches(
  runtime: KeyedRuntime,
  batches: readonly LambdaBatch[],
): Promise<{ readonly response: BatchResponse; readonly counts: Counts; readonly errors: readonly unknown[] }> {
  const counts: Counts = new Map();
  const batchItemFailures: { itemIdentifier: ItemIdentifier }[] = [];
  const errors: unknown[] = [];
  const outcomes = await Promise.all(batches.map(async (batch) => takePartition(runtime, batch)));
  outcomes.forEach((outcome, index) => {
    for (const [name, by] of outcome.counts) countUp(counts, name, by);
    if (outcome.failedAt === null) return;
    countUp(counts, 'failedPartitions');
    if (outcome.error instanceof WeirError) countUp(counts, `errors.${outcome.error.code}`);
    errors.push(outcome.error);
    batchItemFailures.push({ itemIdentifier: batches[index]!.identifiers[outcome.failedAt]! });
  });
  return { response: { batchItemFailures }, counts, errors };
}

async function openRuntime(environment: Environment): Promise<KeyedRuntime> {
  const { weir, by } = readDefinition(environment[serverlessVariables.definition] ?? import.meta.dirname);
  const client = new DynamoDBClient({ maxAttempts: 1, requestHandler: { requestTimeout: requestMs } });
  const port = createKeyedStore({ client, tables: tableNames(environment) });
  await port.keepReferences(by.mark, JSON.stringify(by.references));
  return { weir, by, port };
}
