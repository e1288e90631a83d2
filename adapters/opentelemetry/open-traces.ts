import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { Traces } from './port.ts';
import { createTraces } from './traces.ts';

/** Traces to a collector, as OTLP over HTTP (`http://HOST:4318/v1/traces`); one that does not answer holds nobody up. */
export function openTraces({ url, share }: { readonly url: string; readonly share: number }): Traces {
  return createTraces({ exporter: new OTLPTraceExporter({ url }), share, service: 'weir' });
}
