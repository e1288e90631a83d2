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
