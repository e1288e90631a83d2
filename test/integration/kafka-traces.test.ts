import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import { type Broker, startBroker } from '../../engines/kafka/broker.ts';
import { runThrough } from './kafka-scenario.ts';
import { authorizations, createTopics, createWorld } from './kafka-world.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-traces-broker-'));
const world = createWorld(1);
let broker: Broker;

beforeAll(async () => {
  broker = await startBroker({ dir });
});

afterAll(async () => {
  await broker?.stop();
  rmSync(dir, { recursive: true, force: true });
  rmSync(world.dir, { recursive: true, force: true });
});

test('a worker that is traced tells a collector of each batch and its stages, and decides the same', async () => {
  const told: string[] = [];
  const collector = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      told.push(Buffer.concat(chunks as Buffer[]).toString());
      response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const { bootstrap } = broker;
  const driver = platformaticDriver({ clientId: 'weir-test', bootstrap: [bootstrap] });
  const { payments } = await createTopics(driver, 1);
  const producer = await driver.openProducer();
  await producer.send(authorizations(payments, { from: 0, count: 2000, accounts: 50, partitions: 1 }));
  await producer.close();
  const scenario = { driver, world, bootstrap, payments, decisions: 2000 };
  const url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  const plain = await runThrough(scenario, async () => undefined);
  const traced = await runThrough({ ...scenario, more: [`--traces=${url}`, '--trace-share=1'] }, async () => undefined);
  collector.close();
  expect(traced.decisions).toEqual(plain.decisions);
  expect(traced.digests).toEqual(plain.digests);
  const names = told.join('').match(/"name":"[^"]+"/g);
  for (const name of [`process ${payments}`, 'append', 'decide', 'publish'])
    expect(names).toContain(`"name":"${name}"`);
});
