import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateClusterCommand, KafkaClient } from '@aws-sdk/client-kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCluster } from '../../adapters/kafka/cluster.ts';
import { kafkajsDriver } from '../../adapters/kafka/kafkajs.ts';
import { platformaticDriver } from '../../adapters/kafka/platformatic.ts';
import type { ClusterOptions } from '../../adapters/kafka/port.ts';
import { type Emulator, startMiniStack } from '../../engines/aws/emulators.ts';
import { type Broker, startBroker } from '../../engines/kafka/broker.ts';
import { openProxy, type Proxy } from '../../engines/network/proxy.ts';
import { openReading } from './kafka-reading.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-sign-in-'));
/** Connections must sign in again within this time. */
const sessionMs = 5000;
let broker: Broker;
let proxy: Proxy;
let ministack: Emulator;

beforeAll(async () => {
  let target = 0;
  proxy = await openProxy({ port: 0, target: () => target });
  const far = 'listener.name.far';
  const login = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required';
  const settings = {
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,FAR:SASL_PLAINTEXT',
    'sasl.enabled.mechanisms': 'OAUTHBEARER',
    [`${far}.oauthbearer.sasl.jaas.config`]: `${login} unsecuredLoginStringClaim_sub="broker";`,
    [`${far}.oauthbearer.connections.max.reauth.ms`]: String(sessionMs),
  };
  const brokers = `127.0.0.1:${proxy.port}`;
  [broker, ministack] = await Promise.all([
    startBroker({ dir, proxyPort: proxy.port, settings }),
    startMiniStack({ MINISTACK_MSK_BOOTSTRAP_SASL_IAM: brokers }),
  ]);
  target = broker.farPort ?? 0;
  const aws = { AWS_ENDPOINT_URL: ministack.endpoint, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  Object.assign(process.env, aws);
});

afterAll(async () => {
  await proxy?.close();
  await Promise.all([broker?.stop(), ministack?.stop()]);
  rmSync(dir, { recursive: true, force: true });
});

/** A token that the broker's own check takes: unsigned, for tests alone. */
function token(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Date.now() / 1000;
  return `${part({ alg: 'none' })}.${part({ sub: 'weir', iat: now - 1, exp: now + 60 })}.`;
}

function clusterOf(give: () => string): ClusterOptions {
  const security = { tls: false, token: () => Promise.resolve(give()) };
  return { clientId: 'weir-test', bootstrap: [`127.0.0.1:${proxy.port}`], security };
}

describe.each([
  ['platformatic', platformaticDriver],
  ['kafkajs', kafkajsDriver],
] as const)('%s', (name, driverOf) => {
  test('signs in again with a new token before each session ends, and loses nothing by it', async () => {
    let tokens = 0;
    const driver = driverOf(
      clusterOf(() => {
        tokens++;
        return token();
      }),
    );
    const topic = `sessions-${name}`;
    const admin = await driver.openAdmin();
    await admin.createTopics([{ topic, partitions: 1, configs: { 'retention.ms': '-1' } }]);
    await admin.close();
    const reading = await openReading(driver, { group: `group-${name}`, topics: [topic] });
    const producer = await driver.openProducer();
    const startMs = Date.now();
    let sent = 0;
    const signedInAtFirst = tokens;
    while (Date.now() - startMs < 2 * sessionMs || tokens < signedInAtFirst + 2) {
      await producer.send([{ topic, partition: 0, key: null, value: Buffer.from(String(sent)) }]);
      sent++;
    }
    await reading.until(() => reading.records.length >= sent);
    expect(reading.failures).toEqual([]);
    expect(reading.records.map(({ value }) => Number(Buffer.from(value ?? []).toString()))).toEqual(
      Array.from({ length: sent }, (_, index) => index),
    );
    await producer.close();
    await reading.close();
  });

  test('says that the cluster does not take its credentials', async () => {
    const driver = driverOf(clusterOf(() => 'no token'));
    const asking = (async () => {
      const admin = await driver.openAdmin();
      try {
        await admin.listTopics();
      } finally {
        await admin.close();
      }
    })();
    await expect(asking).rejects.toMatchObject({ code: 'KAFKA_SIGN_IN_FAILED' });
  });
});

describe('a cluster that is named by its ARN', () => {
  test('is looked up, and signed in to with a token of the credentials of the environment', async () => {
    const client = new KafkaClient({ region: 'eu-central-1' });
    const made = await client.send(
      new CreateClusterCommand({
        ClusterName: 'weir',
        KafkaVersion: '3.9.x',
        NumberOfBrokerNodes: 3,
        BrokerNodeGroupInfo: { ClientSubnets: ['subnet-1'], InstanceType: 'express.m7g.large' },
      }),
    );
    const cluster = await openCluster({ clientId: 'weir-test', brokers: made.ClusterArn ?? '' });
    expect(cluster.bootstrap).toEqual([`127.0.0.1:${proxy.port}`]);
    expect(cluster.security?.tls).toBe(true);
    const signed = new URL(Buffer.from((await cluster.security?.token?.()) ?? '', 'base64url').toString());
    expect(signed.searchParams.get('Action')).toBe('kafka-cluster:Connect');
    expect(signed.hostname).toMatch(/^kafka\.[\w-]+\.amazonaws\.com$/);
    expect(signed.searchParams.get('X-Amz-Credential')).toMatch(/^test\//);
    expect(await cluster.security?.token?.()).toBe(await cluster.security?.token?.());
  });

  test('that is not there is said to be so', async () => {
    const arn = 'arn:aws:kafka:eu-central-1:000000000000:cluster/none/0000';
    await expect(openCluster({ clientId: 'weir-test', brokers: arn })).rejects.toMatchObject({
      code: 'MSK_LOOKUP_FAILED',
    });
    await expect(openCluster({ clientId: 'weir-test', brokers: 'nowhere' })).rejects.toMatchObject({
      code: 'BROKERS_INVALID',
    });
  });
});
