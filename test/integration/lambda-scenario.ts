import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createTables } from '../../adapters/dynamodb/tables.ts';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { startBroker } from '../../engines/kafka/broker.ts';
import { kafkaBatches, kinesisBatches } from '../../runtime/lambda-events.ts';
import { readDefinition, writeDefinition } from '../../runtime/lambda-definition.ts';
import { writeAccountFiles } from '../../simulate/account-payments.ts';
import { type Check, checkSource } from './lambda-check.ts';
import { driveSource } from './lambda-drive.ts';
import type { Injected } from './lambda-faults.ts';
import { throughKafka } from './lambda-kafka.ts';
import { throughKinesis } from './lambda-kinesis.ts';
import { streamEvents } from './lambda-log.ts';

export type LambdaScenario = {
  readonly from: 'kinesis' | 'msk';
  readonly events: number;
  readonly accounts: number;
  /** Records of an invocation at most; of Kinesis each holds up to 40 events. */
  readonly recordsMax: number;
  readonly faultShare: number;
  readonly seed: number;
};

export type LambdaReport = { readonly checks: readonly Check[]; readonly injected: Injected; readonly seconds: number };

/** Puts events through a function, on the emulator that `AWS_ENDPOINT_URL` names, and compares with the embedded run. */
export async function runLambda(scenario: LambdaScenario): Promise<LambdaReport> {
  const dir = mkdtempSync(join(tmpdir(), 'weir-lambda-'));
  const id = randomUUID().slice(0, 8);
  const tables = { keyedState: `s-${id}`, ledger: `l-${id}`, idempotency: `i-${id}`, aside: `a-${id}` };
  try {
    const client = new DynamoDBClient({});
    await createTables(client, tables);
    client.destroy();
    const definition = new URL('../../examples/accounts/labelled-features.ts', import.meta.url).pathname;
    await writeDefinition({ ...writeAccountFiles(dir), definition }, dir);
    const runtime = readDefinition(dir);
    const events = streamEvents(scenario.events, scenario.accounts);
    const isKinesis = scenario.from === 'kinesis';
    const sources = isKinesis ? await throughKinesis(`payments-${id}`, events) : await throughBroker(dir, id, events);
    const { topic } = authorizationContract;
    const batchesOf = (payload: unknown) => (isKinesis ? kinesisBatches(payload, topic) : kafkaBatches(payload, topic));
    const injected: Injected = new Map();
    const startMs = performance.now();
    await Promise.all(
      sources.map(async (source, index) =>
        driveSource(
          { ...scenario, seed: scenario.seed + index, runtime, tables, batchesOf, injected, counts: new Map() },
          source,
        ),
      ),
    );
    const seconds = (performance.now() - startMs) / 1000;
    const checks: Check[] = [];
    for (const { payloadOf, records } of sources) {
      for (const batch of batchesOf(payloadOf(records))) checks.push(await checkSource(runtime, tables, batch));
    }
    return { checks, injected, seconds };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function throughBroker(dir: string, id: string, events: Parameters<typeof throughKafka>[2]) {
  const broker = await startBroker({ dir: join(dir, 'kafka') });
  try {
    const driver = platformaticDriver({ clientId: 'weir-lambda', bootstrap: [broker.bootstrap] });
    return await throughKafka(driver, `t${id}.${authorizationContract.topic}`, events);
  } finally {
    await broker.stop();
  }
}
