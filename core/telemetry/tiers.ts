import { measurementContract } from '../contract/measurement.ts';
import type { FlowEvent, FlowRow, Operator } from '../engine/operator.ts';
import type { PaneState } from '../engine/panes.ts';
import { avg, count, last, max, min, quantile, stddev, sum } from '../features/define.ts';
import { panes } from '../features/define-flow.ts';
import { flowInput } from '../features/flow-input.ts';
import { panesOf } from '../features/pane-plan.ts';

/** The panes of a plant, a state for each tier. */
export type TierStates = readonly PaneState[];

/** The relative accuracy of a tier's quantiles. */
const tierAccuracy = 0.01;

/** The tiers. */
const tierSpans = [
  { output: 'tier_1m', size: '1m' },
  { output: 'tier_1h', size: '1h' },
  { output: 'tier_1d', size: '1d' },
] as const;

/** No panes yet. */
export function createTierStates(): TierStates {
  return tiers.map((tier) => tier.create());
}

/** Takes an accepted reading into its pane of each tier. */
export function takeIntoTiers(states: TierStates, event: FlowEvent, emit: (row: FlowRow) => void): void {
  for (const [index, tier] of tiers.entries()) {
    const taken = tier.take(states[index]!, event, 0, emit);
    if (taken !== 'taken') throw new Error(`got ${taken} of ${tier.output}, expected room for what is not too late`);
  }
}

/** The watermark moved: panes that end settle. */
export function passTierTime(states: TierStates, watermarkMs: number, emit: (row: FlowRow) => void): void {
  for (const [index, tier] of tiers.entries()) tier.passTime(states[index]!, watermarkMs, emit);
}

/** Gives the rows of panes that settled or changed in the batch. */
export function endTierBatch(states: TierStates, emit: (row: FlowRow) => void): void {
  for (const [index, tier] of tiers.entries()) tier.endBatch(states[index]!, emit);
}

/** A minute's panes over the allowed lateness, and those of the few minutes that a reading may be ahead. */
const panesPerKeyMax = measurementContract.allowedLatenessMs / 60_000 + 60;

/** Sensors are those of the registry, so the total needs no limit of its own. */
const limits = { panesPerKeyMax, panesMax: Number.MAX_SAFE_INTEGER };

/** The panes of every tier, over measurements. Plants do not meet in them, so each plant has states of its own. */
const tiers: readonly Operator<PaneState>[] = tierSpans.map(({ output, size }) => {
  const measurement = flowInput(measurementContract);
  const { plant, line, machine, sensor, value, verdict } = measurement;
  const good = verdict.equals('good');
  const plan = panes(measurement)
    .by(plant, line, machine, sensor)
    .limit(limits)
    .tumbling(size)
    .of({
      count: count().where(good),
      sum: sum(value).where(good),
      avg: avg(value).where(good),
      min: min(value).where(good),
      max: max(value).where(good),
      stddev: stddev(value).where(good),
      last: last(value).where(good),
      p50: quantile(value, 0.5, { relativeAccuracy: tierAccuracy }).where(good),
      p95: quantile(value, 0.95, { relativeAccuracy: tierAccuracy }).where(good),
      p99: quantile(value, 0.99, { relativeAccuracy: tierAccuracy }).where(good),
      good: count().where(good),
      bad: count().where(verdict.equals('bad')),
      uncertain: count().where(verdict.equals('uncertain')),
      wrong_unit: count().where(verdict.equals('wrongUnit')),
      out_of_range: count().where(verdict.equals('outOfRange')),
    })
    .compile(output);
  if (plan.kind !== 'panes') throw new Error(`got ${plan.kind}, expected panes`);
  return panesOf(plan);
});
