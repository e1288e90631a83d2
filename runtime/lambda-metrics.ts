import type { Counts } from '../core/sinks/effects.ts';

/**
 * Counts as a line of the embedded metric format, which CloudWatch turns into metrics: sums without a dimension, so that no
 * card or account makes one; and how long records waited, `latencyMs`, of which a line takes at most 100. Times in milliseconds.
 */
export function metricsLine(counts: Counts, processingTimeMs: number, latencyMs: readonly number[] = []): string {
  const sums = [...counts.keys()].map((Name) => ({ Name, Unit: 'Count' }));
  const isWaiting = latencyMs.length > 0;
  const Metrics = isWaiting ? [...sums, { Name: 'latencyMs', Unit: 'Milliseconds' }] : sums;
  return JSON.stringify({
    _aws: {
      Timestamp: processingTimeMs,
      CloudWatchMetrics: [{ Namespace: 'Weir', Dimensions: [[]], Metrics }],
    },
    ...Object.fromEntries(counts),
    ...(isWaiting ? { latencyMs } : {}),
  });
}

/** An error as a line of the log, with its code and facts. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify({ level: 'error', message: String(error) });
  const facts = 'facts' in error ? error.facts : {};
  const code = 'code' in error ? error.code : error.name;
  return JSON.stringify({ level: 'error', code, message: error.message, facts });
}
