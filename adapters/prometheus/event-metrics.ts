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
  const events = new Counter({
    name: 'weir_events_total',
    help: 'What became of the events of the log, since it began',
    labelNames: ['partition', 'what'],
    registers: [],
    collect: () => {
      events.reset();
      for (const [partition, totals] of owned)
        for (const [what, count] of totals().counts) events.inc({ partition, what }, count);
    },
  });
  const settled = new Counter({
    name: 'weir_settled_values_total',
    help: 'Rows whose value of a feature is final',
    labelNames: ['feature'],
    registers: [],
    collect: () => {
      settled.reset();
      for (const totals of owned.values())
        for (const [feature, { rows }] of totals().skew) settled.inc({ feature }, rows);
    },
  });
  const skewed = new Counter({
    name: 'weir_feature_skew_total',
    help: 'Rows whose decision was made with another value of a feature than the one that is final, by why',
    labelNames: ['feature', 'cause'],
    registers: [],
    collect: () => {
      skewed.reset();
      for (const totals of owned.values())
        for (const [feature, { differing }] of totals().skew)
          for (const [cause, rows] of Object.entries(differing)) skewed.inc({ feature, cause }, rows);
    },
  });
  const refusals = new Gauge({
    name: 'weir_key_refusals',
    help: 'Events that a key did not take into its windows, since it held as many as it may',
    labelNames: ['partition', 'key'],
    registers: [],
    collect: () => {
      refusals.reset();
      for (const [partition, totals] of owned)
        for (const [key, count] of totals().refusedByKey) refusals.set({ partition, key }, count);
    },
  });
  register.registerMetric(events);
  register.registerMetric(settled);
  register.registerMetric(skewed);
  register.registerMetric(refusals);
}
