import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateRegistryCommand, GlueClient } from '@aws-sdk/client-glue';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import type { KafkaDriver } from '../../adapters/kafka/port.ts';
import { schemaOfContract } from '../../adapters/registry/contract-schemas.ts';
import { openRegistry } from '../../adapters/registry/open-registry.ts';
import { createRecordReader } from '../../adapters/registry/record-reader.ts';
import { contracts } from '../../core/contract/contracts.ts';
import { decisionContract } from '../../core/contract/decision.ts';
import { type Emulator, startMoto } from '../../engines/aws/emulators.ts';
import { type Broker, startBroker } from '../../engines/kafka/broker.ts';
import { type Registry, startRegistry } from '../../engines/registry/registry.ts';
import { accountPayments } from '../../simulate/account-payments.ts';
import { runThrough, type Scenario } from './kafka-scenario.ts';
import { createWorld, readDecisions } from './kafka-world.ts';

const partitions = 2;
const events = 1500;
const dir = mkdtempSync(join(tmpdir(), 'weir-registry-'));
const world = createWorld(partitions);
const addresses = { folder: join(dir, 'registry'), confluent: '', glue: 'glue:weir' };
type Kind = keyof typeof addresses;
let broker: Broker;
let registry: Registry;
let moto: Emulator;
let driver: KafkaDriver;
let payments: string;

beforeAll(async () => {
  [broker, registry, moto] = await Promise.all([
    startBroker({ dir: join(dir, 'kafka') }),
    startRegistry(),
    startMoto(),
  ]);
  addresses.confluent = registry.address;
  const aws = {
    AWS_ENDPOINT_URL: moto.endpoint,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'x',
    AWS_SECRET_ACCESS_KEY: 'x',
  };
  Object.assign(process.env, aws);
  await new GlueClient({}).send(new CreateRegistryCommand({ RegistryName: 'weir' }));
  driver = platformaticDriver({ clientId: 'weir-test', bootstrap: [broker.bootstrap] });
  const lines = accountPayments({ from: 0, count: events, accounts: 100, partitions }).map(({ value }) => value);
  payments = join(dir, 'payments.jsonl');
  writeFileSync(payments, lines.join('\n'));
});

afterAll(async () => {
  await Promise.all([broker?.stop(), registry?.stop(), moto?.stop()]);
  rmSync(dir, { recursive: true, force: true });
  rmSync(world.dir, { recursive: true, force: true });
});

describe.each(['folder', 'confluent', 'glue'] as const)('a registry: %s', (kind: Kind) => {
  test('knows the schema of every contract by its id, in both languages', async () => {
    const opened = await openRegistry(addresses[kind]);
    for (const contract of contracts.values()) {
      for (const language of ['avro', 'json'] as const) {
        const schema = schemaOfContract(contract, language);
        const subject = `${language}.${contract.topic}-value`;
        const id = await opened.register(subject, schema);
        expect(await opened.register(subject, schema)).toBe(id);
        const known = await (await openRegistry(addresses[kind])).schemaOf(id);
        expect(known?.kind).toBe(language);
        expect(JSON.parse(known?.text ?? '')).toEqual(JSON.parse(schema.text));
      }
    }
  });

  test('says what it does not know', async () => {
    const opened = await openRegistry(addresses[kind]);
    expect(await opened.schemaOf(kind === 'glue' ? randomUUID() : 4_000_000)).toBeNull();
  });
});

test.each(['folder', 'confluent'] as const)(
  'a registry refuses a schema that those before do not allow: %s',
  async (kind) => {
    const opened = await openRegistry(addresses[kind]);
    const schemaOf = (names: readonly string[]) => {
      const fields = names.map((name) => ({ name, type: 'long' }));
      return { kind: 'avro', text: JSON.stringify({ type: 'record', name: 'Strict', fields }) } as const;
    };
    await opened.register('strict-value', schemaOf(['x']));
    if (kind === 'confluent') {
      const method = 'PUT';
      const headers = { 'content-type': 'application/json' };
      const body = '{"compatibility":"BACKWARD"}';
      const answer = await fetch(`${registry.address}/config/strict-value`, { method, headers, body });
      expect(answer.status).toBe(200);
    }
    await expect(opened.register('strict-value', schemaOf(['x', 'y']))).rejects.toMatchObject({
      code: 'SCHEMA_INCOMPATIBLE',
    });
  },
);

/** Publishes the payments to a topic of their own, and runs a worker over them. */
async function publishAndRun(more: readonly string[]): ReturnType<typeof runThrough> {
  const prefix = `t${randomUUID().slice(0, 8)}.`;
  const topic = `${prefix}payments.authorization.v1`;
  const admin = await driver.openAdmin();
  await admin.createTopics([{ topic, partitions, configs: { 'retention.ms': '-1' } }]);
  await admin.close();
  const args = ['bin/weir.ts', 'publish', '--source', payments, '--bootstrap', broker.bootstrap, '--prefix', prefix];
  execFileSync(process.execPath, [...args, ...more, '--json'], { encoding: 'utf8' });
  const scenario: Scenario = { driver, world, bootstrap: broker.bootstrap, payments: topic, decisions: events, more };
  return runThrough(scenario, async () => undefined);
}

/** The decisions of a run as readers of its registry see them, in the order of their accounts and times. */
async function decisionsOf(topic: string, address: string | null): Promise<unknown[]> {
  const reading = await readDecisions(driver, topic);
  await reading.until(() => reading.records.length >= events);
  await reading.close();
  const values = reading.records.map(({ offset, value }) => ({
    topic: decisionContract.topic,
    offset,
    bytes: value ?? new Uint8Array(),
  }));
  const isFramed = values.every(({ bytes }) => bytes[0] === 0 || bytes[0] === 3);
  expect(isFramed).toBe(address !== null);
  const opened = await openRegistry(address ?? addresses.folder);
  const read = await createRecordReader(opened, contracts)(values);
  return read
    .map(({ bytes }) => decisionContract.schema.parse(JSON.parse(Buffer.from(bytes).toString())))
    .toSorted((left, right) => (left.decisionId < right.decisionId ? -1 : 1));
}

describe('a worker over records that carry the id of their schema', () => {
  test('decides as over plain JSON, whatever the registry and the language', async () => {
    const plain = await publishAndRun([]);
    const expected = await decisionsOf(plain.plan.topics.decisions, null);
    expect(expected.length).toBe(events);
    for (const [kind, encoding] of [
      ['folder', 'avro'],
      ['confluent', 'avro'],
      ['confluent', 'json'],
      ['glue', 'avro'],
    ] as const) {
      const framed = await publishAndRun(['--registry', addresses[kind], '--encoding', encoding]);
      expect(await decisionsOf(framed.plan.topics.decisions, addresses[kind])).toEqual(expected);
    }
  });
});
