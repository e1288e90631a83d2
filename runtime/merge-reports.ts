import { hash } from 'node:crypto';
import type { MoneyAffected, ReplayReport } from './replay-report.ts';
import { samplesMax } from './replay-report.ts';

/** One report of replays that share nothing but what is tried: the partitions of a topic. There must be one at least. */
export function mergeReports(
  reports: readonly ReplayReport[],
  named: Pick<ReplayReport, 'replayId' | 'out'>,
): ReplayReport {
  const [first] = reports;
  if (first === undefined) throw new RangeError('got no report to merge, expected one a partition');
  const sum = (of: (report: ReplayReport) => number): number => reports.reduce((total, one) => total + of(one), 0);
  const digestOf = (side: 'live' | 'replayed'): string =>
    hash('sha256', reports.map(({ digests }) => digests[side]).join('\n'), 'hex');
  return {
    ...first,
    ...named,
    records: sum(({ records }) => records),
    compared: sum(({ compared }) => compared),
    same: sum(({ same }) => same),
    differ: sum(({ differ }) => differ),
    liveAlone: sum(({ liveAlone }) => liveAlone),
    replayedAlone: sum(({ replayedAlone }) => replayedAlone),
    digests: { live: digestOf('live'), replayed: digestOf('replayed') },
    outcomes: mergeCounts(
      reports.flatMap(({ outcomes }) => outcomes),
      ({ live, replayed }) => `${live} ${replayed}`,
    ),
    money: mergeMoney(reports.flatMap(({ money }) => money)),
    why: mergeCounts(
      reports.flatMap(({ why }) => why),
      ({ kind, name }) => `${kind} ${name}`,
    ),
    explained: sum(({ explained }) => explained),
    samples: reports
      .flatMap(({ samples }) => samples)
      .toSorted((left, right) => left.eventTimeMs - right.eventTimeMs)
      .slice(0, samplesMax),
  };
}

function mergeCounts<Counted extends { readonly decisions: number }>(
  all: readonly Counted[],
  keyOf: (one: Counted) => string,
): Counted[] {
  const merged = new Map<string, Counted>();
  for (const one of all) {
    const before = merged.get(keyOf(one));
    merged.set(keyOf(one), { ...one, decisions: one.decisions + (before?.decisions ?? 0) });
  }
  return [...merged.values()].toSorted((left, right) => right.decisions - left.decisions);
}

function mergeMoney(all: readonly MoneyAffected[]): MoneyAffected[] {
  const none = { newlyDeclinedMinor: 0, noLongerDeclinedMinor: 0, newlyDeclined: 0, noLongerDeclined: 0 };
  const merged = new Map<string, MoneyAffected>();
  for (const one of all) {
    const before = merged.get(one.currency) ?? none;
    merged.set(one.currency, {
      currency: one.currency,
      newlyDeclinedMinor: before.newlyDeclinedMinor + one.newlyDeclinedMinor,
      noLongerDeclinedMinor: before.noLongerDeclinedMinor + one.noLongerDeclinedMinor,
      newlyDeclined: before.newlyDeclined + one.newlyDeclined,
      noLongerDeclined: before.noLongerDeclined + one.noLongerDeclined,
    });
  }
  return [...merged.values()];
}
