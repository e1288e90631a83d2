import { Counter, Gauge, type Registry } from 'prom-client';
import type { FeatureSkew } from '../../core/features/skew.ts';

/** What an engine has counted since its log began; read when the metrics are. */
export type EngineTotals = {
  /** By name, such as `late`, `duplicates`, `deadLetters.notJson`. */
  readonly counts: ReadonlyMap<string, number>;
  /** How often decision and settled values of each feature differ; none where nothing settles. */
  readonly skew: FeatureSkew;
  /** By key field, the events that full keys did not take. */
  readonly refusedByKey: ReadonlyMap<string, number>;
};

/** The totals of the partitions that are ours, as series; what `owned` holds is read at each scrape. */
export function registerEngineTotals(register: Registry, owned: ReadonlyMap<number, () => EngineTotals>): void {
  const settled = new Counter({
    name: 'weir_settled_values_total',
    help: 'Rows whose value of a feature is final',
    labelNames: ['feature'],
    registers: [],
  });
  const skewed = new Counter({
    name: 'weir_feature_skew_total',
    help: 'Rows whose decision was made with another value of a feature than the one that is final, by why',
    labelNames: ['feature', 'cause'],
    registers: [],
  });
  const refusals = new Gauge({
    name: 'weir_key_refusals',
    help: 'Events that a key did not take into its windows, since it held as many as it may',
    labelNames: ['partition', 'key'],
    registers: [],
  });
  const events = new Counter({
    name: 'weir_events_total',
    help: 'What became of the events of the log, since it began',
    labelNames: ['partition', 'what'],
    registers: [],
    // The first of them that a scrape asks: totals are read once for all four.
    collect: () => {
      for (const metric of [events, settled, skewed, refusals]) metric.reset();
      for (const [partition, totals] of owned) {
        const { counts, skew, refusedByKey } = totals();
        for (const [what, count] of counts) events.inc({ partition, what }, count);
        for (const [key, count] of refusedByKey) refusals.set({ partition, key }, count);
        for (const [feature, { rows, differing }] of skew) {
          settled.inc({ feature }, rows);
          for (const [cause, by] of Object.entries(differing)) skewed.inc({ feature, cause }, by);
        }
      }
    },
  });
  register.registerMetric(events);
  register.registerMetric(settled);
  register.registerMetric(skewed);
  register.registerMetric(refusals);
}
