import { z } from 'zod';
import type { WeirIdentity } from './assemble.ts';
import type { DecisionComparison, DifferingDecision } from './compare-decisions.ts';

/** Why a decision came out differently; one may have several reasons. */
export type Why = { readonly kind: 'feature' | 'rule' | 'model' | 'thresholds'; readonly name: string };

/** A decision that differs, as it was and as it would be. */
export type ReplaySample = {
  readonly decisionId: string;
  readonly eventId: string;
  readonly offset: number;
  readonly eventTimeMs: number;
  readonly amountMinor: number | null;
  readonly currency: string | null;
  readonly live: ReplayedSide;
  readonly replayed: ReplayedSide;
  readonly why: readonly Why[];
};

export type ReplayedSide = {
  readonly score: number;
  readonly outcome: string;
  readonly rules: readonly string[];
  readonly reasons: readonly string[];
  /** Features that differ, with their value on this side. */
  readonly features: Readonly<Record<string, number | null>>;
};

/** By currency, what is declined now and was not, and the other way round, in minor units. */
export type MoneyAffected = {
  readonly currency: string;
  readonly newlyDeclinedMinor: number;
  readonly noLongerDeclinedMinor: number;
  readonly newlyDeclined: number;
  readonly noLongerDeclined: number;
};

/** What a replay would change. */
export type ReplayReport = {
  readonly replayId: string;
  readonly out: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly records: number;
  /** The lake's current generation; compared is what was answered, which is 0. */
  readonly generation: number;
  readonly live: WeirIdentity;
  readonly replayed: WeirIdentity;
  readonly featuresAdded: readonly string[];
  readonly featuresRemoved: readonly string[];
  readonly compared: number;
  readonly same: number;
  readonly differ: number;
  readonly liveAlone: number;
  readonly replayedAlone: number;
  readonly digests: DecisionComparison['digests'];
  readonly outcomes: readonly { readonly live: string; readonly replayed: string; readonly decisions: number }[];
  readonly money: readonly MoneyAffected[];
  readonly why: readonly (Why & { readonly decisions: number })[];
  /** Of how many differing decisions money, reasons and samples are: all, unless there are very many. */
  readonly explained: number;
  readonly samples: readonly ReplaySample[];
};

/** Decisions that a report shows. */
export const samplesMax = 200;

/** An amount by log offset, of the decisions that differ. */
export type Amounts = ReadonlyMap<number, { readonly amountMinor: number; readonly currency: string }>;

/** Puts the report together. */
export function reportOf(
  comparison: DecisionComparison,
  facts: Pick<
    ReplayReport,
    | 'replayId'
    | 'out'
    | 'fromMs'
    | 'toMs'
    | 'records'
    | 'generation'
    | 'live'
    | 'replayed'
    | 'featuresAdded'
    | 'featuresRemoved'
  > & { readonly features: readonly string[]; readonly amounts: Amounts },
): ReplayReport {
  const { features, amounts, ...known } = facts;
  const { compared, same, liveAlone, replayedAlone, digests, outcomes, differing } = comparison;
  const samples = differing.map((one) => sampleOf(one, { features, amounts, isModelSame: isModelSame(facts) }));
  return {
    ...known,
    compared,
    same,
    differ: compared - same,
    liveAlone,
    replayedAlone,
    digests,
    outcomes: [...outcomes]
      .map(([change, decisions]) => {
        const [live = '', replayed = ''] = change.split(' ');
        return { live, replayed, decisions };
      })
      .toSorted((left, right) => right.decisions - left.decisions),
    money: moneyOf(samples),
    why: countWhy(samples),
    explained: samples.length,
    samples: samples.slice(0, samplesMax),
  };
}

function isModelSame({ live, replayed }: Pick<ReplayReport, 'live' | 'replayed'>): boolean {
  return live.model.hash === replayed.model.hash;
}

const hitsSchema = z.array(z.object({ id: z.string(), version: z.number(), mode: z.string(), scoreDelta: z.number() }));
const rowSchema = z.object({
  decision_id: z.string(),
  event_id: z.string(),
  event_time: z.number(),
  score: z.number(),
  outcome: z.string(),
  rule_hits: hitsSchema,
});

type Context = { readonly features: readonly string[]; readonly amounts: Amounts; readonly isModelSame: boolean };

function sampleOf(
  { offset, live, replayed }: DifferingDecision,
  { features, amounts, isModelSame: sameModel }: Context,
) {
  const before = rowSchema.parse(live);
  const after = rowSchema.parse(replayed);
  const changed = features.filter((name) => (live[name] ?? null) !== (replayed[name] ?? null));
  const sides = { live: sideOf(live, before, changed), replayed: sideOf(replayed, after, changed) };
  const amount = amounts.get(offset);
  const sample: ReplaySample = {
    decisionId: before.decision_id,
    eventId: before.event_id,
    offset,
    eventTimeMs: before.event_time,
    amountMinor: amount?.amountMinor ?? null,
    currency: amount?.currency ?? null,
    ...sides,
    why: whyOf(sides, changed, sameModel),
  };
  return sample;
}

function sideOf(
  row: DifferingDecision['live'],
  { score, outcome, rule_hits: hits }: z.infer<typeof rowSchema>,
  changed: readonly string[],
): ReplayedSide {
  const reasons = [1, 2, 3, 4].map((k) => row[`reason_${k}_feature`]).filter((name) => typeof name === 'string');
  return {
    score,
    outcome,
    rules: hits.map(({ id, version, mode, scoreDelta }) => `${id} v${version} ${mode} ${scoreDelta}`),
    reasons,
    features: Object.fromEntries(changed.map((name) => [name, numberOrNull(row[name])])),
  };
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function whyOf(
  { live, replayed }: Pick<ReplaySample, 'live' | 'replayed'>,
  changed: readonly string[],
  sameModel: boolean,
): Why[] {
  const before = new Set(live.rules);
  const after = new Set(replayed.rules);
  const hits = [...live.rules.filter((hit) => !after.has(hit)), ...replayed.rules.filter((hit) => !before.has(hit))];
  const rules = new Set(hits.map((hit) => hit.split(' ')[0] ?? ''));
  const why: Why[] = [
    ...changed.map((name) => ({ kind: 'feature' as const, name })),
    ...[...rules].map((name) => ({ kind: 'rule' as const, name })),
  ];
  if (!sameModel && (live.score !== replayed.score || live.reasons.join() !== replayed.reasons.join()))
    why.push({ kind: 'model', name: 'model' });
  if (live.score === replayed.score && live.outcome !== replayed.outcome)
    why.push({ kind: 'thresholds', name: 'thresholds' });
  return why;
}

function countWhy(samples: readonly ReplaySample[]): ReplayReport['why'] {
  const counts = new Map<string, Why & { decisions: number }>();
  for (const { kind, name } of samples.flatMap(({ why }) => why)) {
    const count = counts.get(`${kind} ${name}`) ?? { kind, name, decisions: 0 };
    count.decisions += 1;
    counts.set(`${kind} ${name}`, count);
  }
  return [...counts.values()].toSorted((left, right) => right.decisions - left.decisions);
}

function moneyOf(samples: readonly ReplaySample[]): MoneyAffected[] {
  const byCurrency = new Map<string, { -readonly [Name in keyof MoneyAffected]: MoneyAffected[Name] }>();
  for (const { currency, amountMinor, live, replayed } of samples) {
    if (currency === null || amountMinor === null) continue;
    const was = live.outcome === 'decline';
    const is = replayed.outcome === 'decline';
    if (was === is) continue;
    const none = { newlyDeclinedMinor: 0, noLongerDeclinedMinor: 0, newlyDeclined: 0, noLongerDeclined: 0 };
    const sums = byCurrency.get(currency) ?? { currency, ...none };
    sums[is ? 'newlyDeclinedMinor' : 'noLongerDeclinedMinor'] += amountMinor;
    sums[is ? 'newlyDeclined' : 'noLongerDeclined'] += 1;
    byCurrency.set(currency, sums);
  }
  return [...byCurrency.values()];
}
