import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { openTraces } from '../../../adapters/opentelemetry/open-traces.ts';
import { noTraces, type TracedBatch, type Traces } from '../../../adapters/opentelemetry/port.ts';
import { createTraces } from '../../../adapters/opentelemetry/traces.ts';

const sender = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const quiet = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';

function batchOf(...parents: readonly string[]): TracedBatch {
  const records = parents.map((parent, offset) => ({
    offset: 40 + offset,
    headers: [['traceparent', Buffer.from(parent)] as const],
  }));
  return { topic: 'payments', partition: 3, group: 'scorer', records };
}

/** What is exported when `use` has run: no span is lost when traces are closed, as the exporter is asked before it ends. */
async function spansOf(share: number, use: (traces: Traces) => Promise<void>): Promise<readonly ReadableSpan[]> {
  const spans: ReadableSpan[] = [];
  const exporter = new InMemorySpanExporter();
  const keep = exporter.export.bind(exporter);
  exporter.export = (batch, done) => {
    spans.push(...batch);
    keep(batch, done);
  };
  const traces = createTraces({ exporter, share, service: 'test' });
  await use(traces);
  await traces.close();
  return spans;
}

test('a batch is a span of the conventions for messaging, its stages are within it, in whatever order they overlap', async () => {
  const spans = await spansOf(1, async (traces) => {
    const take = (): Promise<void> =>
      traces.batch(batchOf(quiet), async () => {
        await traces.stage('append', async () => undefined);
        await traces.stage('decide', () => traces.stage('publish', async () => undefined));
      });
    await Promise.all([take(), take()]);
  });
  const batches = spans.filter(({ name }) => name === 'process payments');
  expect(batches).toHaveLength(2);
  expect(batches[0]?.attributes).toMatchObject({
    'messaging.system': 'kafka',
    'messaging.destination.name': 'payments',
    'messaging.destination.partition.id': '3',
    'messaging.consumer.group.name': 'scorer',
    'messaging.batch.message_count': 1,
    'messaging.kafka.offset': 40,
  });
  for (const batch of batches) {
    const { spanId, traceId } = batch.spanContext();
    const within = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === spanId);
    expect(within.map(({ name }) => name).toSorted()).toEqual(['append', 'decide', 'publish']);
    expect(new Set(within.map((span) => span.spanContext().traceId))).toEqual(new Set([traceId]));
  }
});

test('a batch with a sampled sender is recorded and linked to it where no other is', async () => {
  const headers: string[] = [];
  const spans = await spansOf(0, async (traces) => {
    for (const batch of [batchOf(quiet, sender), batchOf(quiet), batchOf('no context')]) {
      await traces.batch(batch, async () => {
        headers.push(...traces.headers().map(([name, value]) => `${name}=${Buffer.from(value).toString()}`));
      });
    }
  });
  expect(spans).toHaveLength(1);
  expect(spans[0]?.links.map(({ context }) => context.spanId)).toEqual(['b7ad6b7169203331', 'b7ad6b7169203331']);
  const { traceId, spanId } = spans[0]!.spanContext();
  expect(headers).toEqual([`traceparent=00-${traceId}-${spanId}-01`]);
});

test('a batch that failed is told as failed, and its failure goes on', async () => {
  const failure = Object.assign(new Error('the broker is away'), { code: 'KAFKA_AWAY' });
  const spans = await spansOf(1, async (traces) => {
    await expect(traces.batch(batchOf(), () => Promise.reject(failure))).rejects.toBe(failure);
  });
  expect(spans.map(({ status, attributes }) => [status.code, attributes['error.type']])).toEqual([[2, 'KAFKA_AWAY']]);
});

test('a share of the batches is recorded', async () => {
  const spans = await spansOf(0.1, async (traces) => {
    for (let index = 0; index < 2000; index += 1) await traces.batch(batchOf(), async () => undefined);
  });
  // Six standard deviations around 200 of 2,000.
  expect(spans.length).toBeGreaterThan(120);
  expect(spans.length).toBeLessThan(280);
});

test('a collector gets them by HTTP, and one that is away fails no batch', async () => {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      bodies.push(Buffer.concat(chunks as Buffer[]).toString());
      response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
  const traces = openTraces({ url, share: 1 });
  await expect(traces.batch(batchOf(sender), async () => 'taken')).resolves.toBe('taken');
  await traces.close();
  server.close();
  await once(server, 'close');
  expect(bodies.join('')).toContain('"name":"process payments"');
  const away = openTraces({ url, share: 1 });
  await expect(away.batch(batchOf(), async () => 'taken')).resolves.toBe('taken');
});

test('without a collector everything runs as it is', async () => {
  await expect(noTraces.batch(batchOf(sender), () => noTraces.stage('append', async () => 7))).resolves.toBe(7);
  expect(noTraces.headers()).toEqual([]);
});
