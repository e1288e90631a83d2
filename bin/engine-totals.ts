import type { EngineTotals } from '../adapters/prometheus/event-metrics.ts';
import type { Scoring } from '../runtime/scoring.ts';

/** What an engine has counted, for whoever measures it. */
export function engineTotalsOf(scoring: Pick<Scoring, 'counts' | 'totals'>): () => EngineTotals {
  return () => {
    const { skew, refusedByKey } = scoring.totals();
    return { counts: scoring.counts, skew, refusedByKey };
  };
}
