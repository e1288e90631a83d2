import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSource } from '../../adapters/files/source.ts';
import { unmappableTopic } from '../../core/contract/unmappable-header.ts';
import { unwrapUnmappable } from '../../core/decode/unmappable.ts';
import { mapping } from '../../examples/changes/mapping.ts';
import { type CapturedEvent, openCaptureTarget } from '../../runtime/capture-target.ts';
import { capture, captureHandler } from '../../runtime/lambda-capture.ts';
import { kafkaBatches, kinesisBatches } from '../../runtime/lambda-events.ts';

const path = join(import.meta.dirname, '../golden/changes/dms.jsonl');
const lines = readFileSync(path, 'utf8').trimEnd().split('\n');

function kafkaPayload(partitions: Readonly<Record<string, readonly string[]>>): unknown {
  const records = Object.entries(partitions).map(([partition, values]) => [
    `dms-${partition}`,
    values.map((value, offset) => ({
      topic: 'dms',
      partition: Number(partition),
      offset,
      timestamp: 1,
      value: Buffer.from(value).toString('base64'),
    })),
  ]);
  return { records: Object.fromEntries(records) };
}

function kinesisPayload(values: readonly string[]): unknown {
  const Records = values.map((value, index) => ({
    eventID: `shardId-000000000000:${index}`,
    eventSourceARN: 'arn:aws:kinesis:us-east-1:000000000000:stream/dms',
    kinesis: {
      partitionKey: 'dms',
      sequenceNumber: String(index),
      data: Buffer.from(value).toString('base64'),
      approximateArrivalTimestamp: 1,
    },
  }));
  return { Records };
}

function memoryTarget(failsFor: (events: readonly CapturedEvent[]) => boolean = () => false) {
  const sent: CapturedEvent[] = [];
  const send = async (events: readonly CapturedEvent[]): Promise<void> => {
    if (failsFor(events)) throw new Error('no answer');
    sent.push(...events);
  };
  return { sent, target: { send } };
}

const told = (events: readonly Pick<CapturedEvent, 'topic' | 'bytes'>[]) =>
  events.map(({ topic, bytes }) => `${topic} ${Buffer.from(bytes).toString()}`);

test('captures the events that the file of the same records gives, from Kinesis and from Kafka', async () => {
  const source = await openSource({ path, format: 'dms', mapping });
  const items = (await Array.fromAsync(source.events())).flat();
  expect(items).toHaveLength(8);
  for (const batches of [kinesisBatches(kinesisPayload(lines), ''), kafkaBatches(kafkaPayload({ 0: lines }), '')]) {
    const { sent, target } = memoryTarget();
    const { response, counts } = await capture({ format: 'dms', mapping, target }, batches);
    expect(response).toEqual({ batchItemFailures: [] });
    expect(told(sent)).toEqual(told(items));
    expect(Object.fromEntries(counts)).toEqual({ capturedRecords: 10, capturedEvents: 8 });
  }
});

test('an event goes by the key of its contract, and by that of the row where there is none', async () => {
  const { sent, target } = memoryTarget();
  await capture({ format: 'dms', mapping, target }, kafkaBatches(kafkaPayload({ 0: lines }), ''));
  expect(sent.map(({ key }) => key)).toEqual([
    ...['shop', 'kiosk', 'shop', 'shop', 'store', 'kiosk', 'kiosk'].map((id) => `{"merchant_id":"${id}"}`),
    'c1',
  ]);
});

test('a partition whose events cannot be sent is delivered again from its first record, and the others are not', async () => {
  const { sent, target } = memoryTarget((events) => events.some(({ key }) => key.includes('shop')));
  const batches = kafkaBatches(kafkaPayload({ 3: lines.slice(0, 3), 4: lines.slice(6, 7) }), '');
  const { response, errors } = await capture({ format: 'dms', mapping, target }, batches);
  expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: { partition: 'dms-3', offset: 0 } }] });
  expect([sent.length, errors.length]).toEqual([1, 1]);
});

test('a record that makes no event goes along as a dead letter with its bytes, and its neighbours are kept', async () => {
  const { sent, target } = memoryTarget();
  const poison = ['{"metadata":{}}', '\u0000', '[]', 'null'];
  await capture({ format: 'dms', mapping, target }, kafkaBatches(kafkaPayload({ 0: [lines[0] ?? '', ...poison] }), ''));
  expect(sent.map(({ topic }) => topic)).toEqual([
    'registry.merchant.v1',
    ...Array.from({ length: 3 }, () => unmappableTopic),
  ]);
  const letters = sent.slice(1).map(({ bytes }) => unwrapUnmappable(bytes));
  expect(letters.map((letter) => [letter?.sourceRow, Buffer.from(letter?.bytes ?? []).toString()])).toEqual([
    [1, poison[0]],
    [2, poison[1]],
    [3, poison[2]],
  ]);
  expect(letters[0]?.message).toContain('got nothing at metadata.table-name');
});

test('a target or a mapping that is none is told with what was expected', async () => {
  await expect(openCaptureTarget('s3://bucket')).rejects.toMatchObject({ code: 'TARGET_INVALID' });
  const handler = captureHandler('dms', { WEIR_MAPPING: 'none.ts', WEIR_CAPTURE_TARGET: 'kinesis://s' });
  await expect(handler(kinesisPayload([]))).rejects.toMatchObject({ code: 'MAPPING_NOT_LOADED' });
});
