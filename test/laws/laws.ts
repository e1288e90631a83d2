import { isDeepStrictEqual } from 'node:util';
import type { FeatureSet } from '../../core/features/plan.ts';
import { chance, openStream, type RandomStream, wholeBelow } from '../../simulate/random.ts';
import { differences } from './compare.ts';
import { comparable, type Output, type RunPlan, runShipped } from './harness.ts';
import type { LogItem } from '../../simulate/hostile/log.ts';
import { runNaive } from '../../simulate/naive/naive.ts';
import { smallWeir } from '../../simulate/hostile/small-weir.ts';
import { offsetStride } from '../../simulate/hostile/workload.ts';

/** A log with what runs over it; the seed chooses batches, restarts and copies. */
export type Case = {
  readonly featureSet: FeatureSet;
  readonly watermarkPer: 'input' | 'topic';
  readonly seed: number;
  readonly log: readonly LogItem[];
};

/** What a check saw: the shipped engine's output of a run in batches with restarts, and where a law does not hold. */
export type Checked = { readonly output: Output; readonly problems: readonly string[] };

/** Checks one log: shipped equals twin, and neither batches, restarts, recorded decisions nor copies change anything. */
export function checkCase({ featureSet, watermarkPer, seed, log }: Case): Checked {
  const { weir, setup } = smallWeir(featureSet, { watermarkPer });
  const random = openStream({ seed, name: 'laws' });
  const output = runShipped(weir, log, randomPlan(random));
  const recorded = new Map(output.decisions.map((decision) => [decision.offset, decision]));
  const copied = withCopies(log, output, random);
  const problems = [
    ...differences(setup.plan, output, runNaive(setup, log)),
    ...unequal('in one batch', output, runShipped(weir, log)),
    ...unequal('in other batches', output, runShipped(weir, log, randomPlan(random))),
    ...unequal('replayed', output, runShipped(weir, log, { ...randomPlan(random), recorded })),
    ...unequal(
      'with copies',
      output,
      lessCopies(runShipped(weir, copied, randomPlan(random)), copied.length - log.length),
    ),
  ];
  return { output, problems };
}

/** Batches of random sizes, and a restart after some of them. */
function randomPlan(random: RandomStream): RunPlan {
  const batchSizes = Array.from({ length: 1 + wholeBelow(random, 5) }, () => 1 + wholeBelow(random, 60));
  const restarts = Array.from({ length: 7 }, () => chance(random, 0.4));
  return { batchSizes, restartAfter: (batch) => restarts[batch % restarts.length] === true };
}

/** Puts copies of accepted records behind them, up to 40 places later, at offsets between those that there are. */
function withCopies(log: readonly LogItem[], output: Output, random: RandomStream): LogItem[] {
  const accepted = new Set(output.acceptedKeys.map(({ offset }) => offset));
  const behind = new Map<number, LogItem[]>();
  for (const [index, item] of log.entries()) {
    if (!accepted.has(item.record.offset) || chance(random, 0.7)) continue;
    const { offset } = log[Math.min(log.length - 1, index + wholeBelow(random, 40))]?.record ?? item.record;
    const copies = behind.get(offset) ?? [];
    if (copies.length < offsetStride - 1) behind.set(offset, [...copies, item]);
  }
  return log.flatMap((item) => {
    const { offset } = item.record;
    const copies = behind.get(offset) ?? [];
    return [item, ...copies.map((copy, index) => moved(copy, offset + 1 + index))];
  });
}

/** The output of a log with copies, less the two counts that tell of them. */
function lessCopies(output: Output, copies: number): Output {
  const counts = new Map(output.counts);
  for (const name of ['records', 'duplicates']) {
    const left = (counts.get(name) ?? 0) - copies;
    if (left === 0) counts.delete(name);
    else counts.set(name, left);
  }
  return { ...output, counts };
}

/** A line when two runs of a log do not give the same. */
function unequal(how: string, expected: Output, got: Output): string[] {
  const [left, right] = [comparable(expected), comparable(got)];
  if (isDeepStrictEqual(left, right)) return [];
  return [`${how}: ${firstDifference(left, right, 'output')}`];
}

function moved({ record, meaning }: LogItem, offset: number): LogItem {
  return { record: { ...record, offset }, meaning };
}

/** Where two values differ first, in words. */
export function firstDifference(left: unknown, right: unknown, path: string): string {
  if (isRecord(left) && isRecord(right)) {
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      if (!isDeepStrictEqual(left[key], right[key])) return firstDifference(left[key], right[key], `${path}.${key}`);
    }
  }
  if (left instanceof Map && right instanceof Map) {
    return firstDifference(Object.fromEntries(left), Object.fromEntries(right), path);
  }
  return `got ${String(right)} at ${path}, expected ${String(left)}`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !(value instanceof Map);
}
