import { join } from 'node:path';
import { openLake } from '../adapters/files/lake.ts';
import type { Decision, Outcome } from '../core/score/decision.ts';
import type { Skew } from '../core/features/skew.ts';
import type { LedgerTotals } from '../core/sinks/ledger-totals.ts';
import type { Scoring } from '../runtime/scoring.ts';
import { countRows, folderSizes, type FolderSize } from './output-directory.ts';
import { latencyOf, type Latency, type Tally } from './tally.ts';

/** The four outcomes, mildest first. */
export const outcomes = ['approve', 'review', 'stepUp', 'decline'] as const satisfies readonly Outcome[];

/** What a run did, for programs as it stands. Counts are of the whole directory, `process` of this process alone. */
export type RunSummary = {
  readonly status: 'complete' | 'stopped' | 'alreadyComplete';
  readonly out: string;
  readonly events: number;
  readonly authorizations: number;
  readonly decisions: number;
  readonly decisionsByOutcome: Readonly<Record<Outcome, number>>;
  readonly ledgerAuthorizationEntries: number;
  readonly decisionRows: number;
  readonly late: number;
  readonly tooLate: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly deadLetters: number;
  readonly counts: Readonly<Record<string, number>>;
  /** Null before the first event and after the end of the input. */
  readonly watermark: string | null;
  readonly inputEnded: boolean;
  readonly ledger: LedgerTotals;
  /** How often and why decision and settled values differ, by feature; over the rows that are final. */
  readonly featureSkew: Readonly<Record<string, Skew>>;
  /** Events that keys did not take, since they held as many as they may; by key field, where there were any. */
  readonly refusedByKey: Readonly<Record<string, number>>;
  readonly process: {
    readonly events: number;
    readonly seconds: number;
    readonly eventsPerSecond: number;
    readonly latencyMs: Latency;
    readonly cpuSeconds: number;
    readonly peakMemoryMiB: number;
  };
  readonly lastDeclines: readonly {
    readonly decisionId: string;
    readonly eventId: string;
    readonly eventTime: string;
    readonly score: number;
    readonly reasons: readonly string[];
  }[];
  readonly files: readonly FolderSize[];
};

/** Adds up a run whose output directory is still open. */
export async function summarise(run: {
  readonly status: RunSummary['status'];
  readonly out: string;
  readonly scoring: Scoring;
  readonly tally: Tally;
}): Promise<RunSummary> {
  const { status, out, scoring, tally } = run;
  const seconds = (performance.now() - tally.startMs) / 1000;
  const counts = Object.fromEntries([...scoring.counts].toSorted(([left], [right]) => (left < right ? -1 : 1)));
  const of = (name: string): number => counts[name] ?? 0;
  const { watermarkMs, ledger, skew, refusedByKey } = scoring.totals();
  return {
    status,
    out,
    events: of('records'),
    authorizations: of('accepted.payments.authorization.v1'),
    decisions: sumOf(counts, 'decisions.'),
    decisionsByOutcome: {
      approve: of('decisions.approve'),
      review: of('decisions.review'),
      stepUp: of('decisions.stepUp'),
      decline: of('decisions.decline'),
    },
    ledgerAuthorizationEntries: Object.values(ledger.currencies).reduce(
      (sum, { authorizationEntries }) => sum + authorizationEntries,
      0,
    ),
    decisionRows: await countRows(openLake({ dir: join(out, 'lake') }), 'decisions'),
    late: of('late'),
    tooLate: of('tooLate'),
    duplicates: of('duplicates'),
    conflicts: of('deadLetters.conflict'),
    deadLetters: sumOf(counts, 'deadLetters.'),
    counts,
    watermark: Number.isFinite(watermarkMs) ? new Date(watermarkMs).toISOString() : null,
    inputEnded: watermarkMs === Infinity,
    ledger,
    featureSkew: Object.fromEntries(skew),
    refusedByKey: Object.fromEntries([...refusedByKey].filter(([, count]) => count > 0)),
    process: {
      events: tally.records,
      seconds,
      eventsPerSecond: seconds === 0 ? 0 : Math.round(tally.records / seconds),
      latencyMs: latencyOf(tally),
      ...usage(),
    },
    lastDeclines: tally.declines.map(declineOf),
    files: folderSizes(out),
  };
}

/** What the reasons of a decision say, the model's own words, at most `reasonsMax`. */
export function reasonTexts({ reasonCodes }: Pick<Decision, 'reasonCodes'>, reasonsMax: number): string[] {
  return reasonCodes.slice(0, reasonsMax).map(({ text }) => text);
}

function sumOf(counts: Readonly<Record<string, number>>, prefix: string): number {
  return Object.entries(counts).reduce((sum, [name, count]) => (name.startsWith(prefix) ? sum + count : sum), 0);
}

function declineOf(decision: Decision): RunSummary['lastDeclines'][number] {
  const { decisionId, eventId, eventTimeMs, score } = decision;
  const eventTime = new Date(eventTimeMs).toISOString();
  return { decisionId, eventId, eventTime, score, reasons: reasonTexts(decision, 3) };
}

function usage(): { readonly cpuSeconds: number; readonly peakMemoryMiB: number } {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1_000_000,
    peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 102.4) / 10,
  };
}
