import type { Counts } from '../core/sinks/effects.ts';

/**
 * Counts as a line of the embedded metric format, which CloudWatch turns into metrics: sums without a dimension, so that no
 * card or account makes one. Times in milliseconds.
 */
export function metricsLine(counts: Counts, processingTimeMs: number): string {
  const names = [...counts.keys()];
  const Metrics = names.map((Name) => ({ Name, Unit: 'Count' }));
  return JSON.stringify({
    _aws: {
      Timestamp: processingTimeMs,
      CloudWatchMetrics: [{ Namespace: 'Weir', Dimensions: [[]], Metrics }],
    },
    ...Object.fromEntries(counts),
  });
}

/** An error as a line of the log, with its code and facts. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify({ level: 'error', message: String(error) });
  const facts = 'facts' in error ? error.facts : {};
  const code = 'code' in error ? error.code : error.name;
  return JSON.stringify({ level: 'error', code, message: error.message, facts });
}
