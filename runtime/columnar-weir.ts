import { hashPlan } from '../core/features/plan.ts';
import type { BackOptions } from '../core/columnar-pipeline.ts';
import { eventLayoutOf } from '../core/steps/event-layout.ts';
import type { ColumnarOptions } from '../core/columnar-pipeline.ts';
import type { Assembled } from './assemble.ts';

/** What runs in columns: everything that follows from the definition, the rules, the model and the configuration. */
export type ColumnarWeir = {
  readonly options: Omit<ColumnarOptions, 'interner'> & Omit<BackOptions, 'interner'>;
  readonly ruleCount: number;
  /** Of the plan of the features that runs. */
  readonly definitionHash: string;
};

/** Makes what was assembled ready to run in columns. */
export function columnarWeirOf({ weir, scoring, ruleSet, foreign, sourcePartitions }: Assembled): ColumnarWeir {
  const { plan, allowedLatenessMs, keyEventsMax } = weir.features;
  const layout = eventLayoutOf(plan, ruleSet);
  const { watermarkPer, ledger } = weir;
  return {
    options: {
      plan,
      layout,
      allowedLatenessMs,
      keyEventsMax,
      watermarkPer,
      scoring,
      ledger,
      foreign,
      sourcePartitions,
    },
    ruleCount: ruleSet.rules.length,
    definitionHash: hashPlan(plan),
  };
}
