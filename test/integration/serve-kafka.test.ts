import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import type { KafkaDriver } from '../../adapters/kafka/port.ts';
import { type Broker, startBroker } from '../../engines/kafka/broker.ts';
import { accountPayments } from '../../simulate/account-payments.ts';
import { digestOf } from './digest.ts';
import { createWorld, digestsOf, type KafkaWorld } from './kafka-world.ts';
import { type ApiProcess, type ApiTopics, ask, createApiTopics, decideTopic, startApi } from './serve-kafka-world.ts';

const partitions = 4;
const score = '/v1/authorizations:score';
const world: KafkaWorld = createWorld(partitions);
const started: ApiProcess[] = [];
let broker: Broker;
let driver: KafkaDriver;

beforeAll(async () => {
  broker = await startBroker({ dir: join(world.dir, 'broker') });
  driver = platformaticDriver({ clientId: 'weir-test', bootstrap: [broker.bootstrap] });
});

afterAll(async () => {
  for (const { process } of started) process.kill('SIGKILL');
  await broker?.stop();
  rmSync(world.dir, { recursive: true, force: true });
});

type Api = { readonly topics: ApiTopics; readonly out: string; readonly start: () => Promise<ApiProcess> };

async function newApi(): Promise<Api> {
  const topics = await createApiTopics(driver, partitions);
  const id = randomUUID();
  const plan = { bootstrap: broker.bootstrap, topics, group: `g-${id}`, out: join(world.dir, id) };
  const start = async (): Promise<ApiProcess> => {
    const api = await startApi(world, plan);
    started.push(api);
    return api;
  };
  return { topics, out: plan.out, start };
}

const decided = z.object({ decisionId: z.string(), eventId: z.string(), score: z.number(), outcome: z.string() });

test('what an API answers is what one process decides over its topic', async () => {
  const api = await newApi();
  const one = await api.start();
  const payments = accountPayments({ from: 0, count: 400, accounts: 20, partitions });
  const answers = await Promise.all(payments.map(({ value }) => ask(one.url, score, value)));
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  const again = await ask(one.url, score, payments[7]!.value);
  expect(again.text).toBe(answers[7]!.text);
  one.process.kill('SIGTERM');
  expect(await one.ended).toBe(0);
  expect(decided.parse(JSON.parse(answers[7]!.text)).eventId).toBe('a-7');
  const [topic = ''] = api.topics.log;
  const served = await digestsOf(api.out);
  for (let partition = 0; partition < partitions; partition++) {
    const dir = join(world.dir, `twin-${partition}`);
    expect(await decideTopic(world, driver, { topic, partition, partitions, dir })).toBeGreaterThan(0);
    expect(served[`partition-0${partition}`]).toEqual(await digestOf(dir));
  }
});
