import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateStreamCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openStream } from '../../adapters/kinesis/stream.ts';
import { openAws } from '../../engines/aws/endpoint.ts';
import type { Emulator } from '../../engines/aws/emulators.ts';
import { captureHandler } from '../../runtime/lambda-capture.ts';
import { kinesisBatches } from '../../runtime/lambda-events.ts';
import { kinesisPayload } from './function-world.ts';

let aws: Emulator;

beforeAll(async () => {
  aws = await openAws();
});

afterAll(async () => {
  await aws?.stop();
});

test('capture-dms writes the events of DMS records to a stream, from which the functions that score can read them', async () => {
  const client = new KinesisClient({ maxAttempts: 3 });
  const StreamName = `captured-${process.pid}`;
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  client.destroy();
  const stream = openStream(StreamName);
  await vi.waitFor(async () => expect(await stream.listShards()).toHaveLength(1), { timeout: 20_000 });
  const root = join(import.meta.dirname, '../..');
  const handler = captureHandler('dms', {
    WEIR_MAPPING: join(root, 'examples/changes/mapping.ts'),
    WEIR_CAPTURE_TARGET: `kinesis://${StreamName}`,
  });
  const lines = readFileSync(join(root, 'test/golden/changes/dms.jsonl'), 'utf8').trimEnd().split('\n');
  expect(await handler(kinesisPayload(lines.map((line) => Buffer.from(line))))).toEqual({ batchItemFailures: [] });
  const cursor = stream.open((await stream.listShards())[0]?.shardId ?? '', null);
  const found: Uint8Array[] = [];
  await vi.waitFor(
    async () => {
      const { records } = await cursor.read();
      found.push(...records.flatMap((record) => record.records.map(({ data }) => data)));
      expect(found).toHaveLength(8);
    },
    { timeout: 20_000 },
  );
  stream.close();
  const [batch] = kinesisBatches(kinesisPayload(found), 'other.v1');
  const events = batch?.records.map(({ contract, bytes }) => [contract, JSON.parse(Buffer.from(bytes).toString())]);
  expect(events?.filter(([contract]) => contract === 'payments.dispute.v1')).toEqual([
    ['payments.dispute.v1', expect.objectContaining({ accountId: 'c1', authorizationId: 'p-1', reason: 'fraud' })],
  ]);
  const shop = events
    ?.filter(([, event]) => event.merchantId === 'shop')
    .map(([, event]) => `${event.op} ${event.risk}`);
  expect(shop).toEqual(['upsert low', 'upsert high', 'delete undefined']);
});
