import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { parseTraceParent, TRACE_PARENT_HEADER } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  type Sampler,
  SamplingDecision,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { TracedBatch, Traces } from './port.ts';

const limits = { links: 32, queue: 2048, sendMs: 1000 } as const;
const sampledFlag = 1;

/**
 * Spans of batches by the conventions for messaging (https://opentelemetry.io/docs/specs/semconv/messaging/kafka/): one
 * for each batch, one within it for each stage, links to the senders' contexts.
 *
 * Recorded is a share of the batches, and each in which a sender is recorded: so a payment that is followed from its shop
 * is followed here too.
 */
export function createTraces({
  exporter,
  share,
  service,
}: {
  readonly exporter: SpanExporter;
  /** Of the batches, 0 to 1. */
  readonly share: number;
  readonly service: string;
}): Traces {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    sampler: samplerOf(share),
    spanLimits: { linkCountLimit: limits.links },
    spanProcessors: [
      new BatchSpanProcessor({ exporter, maxQueueSize: limits.queue, scheduledDelayMillis: limits.sendMs }),
    ],
  });
  const tracer = provider.getTracer('weir');
  const current = new AsyncLocalStorage<Span>();
  return {
    batch: (batch, take) => {
      const options = { kind: SpanKind.CONSUMER, attributes: attributesOf(batch), links: linksOf(batch) };
      const span = tracer.startSpan(`process ${batch.topic}`, options, ROOT_CONTEXT);
      return span.isRecording() ? current.run(span, () => endWith(span, take)) : take();
    },
    stage: (name, run) => {
      const parent = current.getStore();
      if (parent === undefined) return run();
      return endWith(tracer.startSpan(name, {}, trace.setSpan(ROOT_CONTEXT, parent)), run);
    },
    headers: () => {
      const span = current.getStore();
      return span === undefined ? [] : [[TRACE_PARENT_HEADER, Buffer.from(traceParentOf(span))]];
    },
    close: () => provider.shutdown(),
  };
}

/** Within a batch whatever its span is; else a share of all, and each that continues something sampled. */
function samplerOf(share: number): Sampler {
  const byShare = new TraceIdRatioBasedSampler(share);
  return {
    shouldSample: (context, traceId, _name, _kind, _attributes, links) => {
      const isWithin = trace.getSpanContext(context) !== undefined;
      if (isWithin || links.some(({ context: { traceFlags } }) => (traceFlags & sampledFlag) !== 0))
        return { decision: SamplingDecision.RECORD_AND_SAMPLED };
      return byShare.shouldSample(context, traceId);
    },
    toString: () => `share ${share}, or a sampled link`,
  };
}

/** Runs to the end and ends the span there, as failed where that failed. */
async function endWith<T>(span: Span, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    if (error instanceof Error) span.setAttribute('error.type', 'code' in error ? String(error.code) : error.name);
    throw error;
  } finally {
    span.end();
  }
}

function attributesOf({ topic, partition, group, records }: TracedBatch): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': topic,
    'messaging.destination.partition.id': String(partition),
    'messaging.consumer.group.name': group,
    'messaging.batch.message_count': records.length,
    'messaging.kafka.offset': records[0]?.offset ?? 0,
  };
}

function linksOf({ records }: TracedBatch): Link[] {
  const links: Link[] = [];
  for (const { headers } of records) {
    for (const [name, value] of headers) {
      if (name !== TRACE_PARENT_HEADER) continue;
      const context = parseTraceParent(Buffer.from(value).toString());
      if (context !== null) links.push({ context });
    }
    if (links.length >= limits.links) break;
  }
  return links;
}

// https://www.w3.org/TR/trace-context/#traceparent-header
function traceParentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
