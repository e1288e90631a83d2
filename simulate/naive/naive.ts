import type { Authorization } from '../../core/contract/authorization.ts';
import type { Plan } from '../../core/features/plan.ts';
import type { Outcome } from '../../core/score/decision.ts';
import type { LedgerConfig } from '../../core/sinks/ledger-state.ts';
import type { LogItem } from '../hostile/log.ts';
import { type Accepted, judge, type Judged, stateWatermarkMs, type WatermarkPer } from './naive-admission.ts';
import { decisionVector, type RawEvents, revisionOf, settledVector, type Vector } from './naive-features.ts';
import {
  type AcceptedAuthorization,
  type AcceptedDispute,
  endWaitsFor,
  giveUpWaits,
  judgeDispute,
} from './naive-labels.ts';
import { advance, authorize, createNaiveLedger, release, totalsOf } from './naive-ledger.ts';

/** What runs, as data. */
export type NaiveSetup = {
  readonly plan: Plan;
  readonly watermarkPer: WatermarkPer;
  readonly ledger: LedgerConfig;
  readonly outcomeOf: (event: Authorization, features: Vector) => Outcome;
};

/** What was decided of one authorization. */
type NaiveDecision = {
  readonly offset: number;
  readonly status: Accepted['status'];
  /** Null before the first event and after the end of the input. */
  readonly watermarkMs: number | null;
  readonly outcome: Outcome;
  readonly features: Vector;
};

/** The last revision of a settled row; a too-late one never settles. */
export type NaiveRow = {
  readonly offset: number;
  readonly revision: number | null;
  readonly decision: Vector;
  readonly settled: Vector | null;
};

/** All that a log asks of the sinks. Late events, dead letters and ledger entries are lines, in log order. */
export type NaiveResult = {
  readonly decisions: readonly NaiveDecision[];
  readonly rows: readonly NaiveRow[];
  readonly lateEvents: readonly string[];
  readonly deadLetters: readonly string[];
  readonly ledgerEntries: readonly string[];
  readonly ledgerTotals: readonly string[];
  readonly counts: ReadonlyMap<string, number>;
};

/**
 * The slow and obvious twin of the whole engine: for every question it filters all that came before. Windows are filters
 * over raw events, labels are filters over raw disputes, the watermark is a maximum over accepted events.
 */
export function runNaive(setup: NaiveSetup, log: readonly LogItem[]): NaiveResult {
  const run = createRun(setup);
  for (const item of log) {
    const judged = judge(setup.watermarkPer, run.history, item);
    run.history.push(judged);
    countOne(run, 'records');
    takeIn(run, item, judged);
    passTime(run);
  }
  const stateMs = stateWatermarkMs(setup.watermarkPer, run.history);
  const settled = run.entered.filter(({ event }) => event.eventTimeMs <= stateMs);
  return {
    decisions: run.decisions,
    rows: [...run.tooLateRows, ...settled.map((row) => settledRow(run, row))],
    lateEvents: run.lateEvents,
    deadLetters: run.deadLetters,
    ledgerEntries: run.ledger.entries,
    ledgerTotals: totalsOf(run.ledger),
    counts: run.counts,
  };
}

type Run = ReturnType<typeof createRun>;

/** Lists that only grow, and one ledger. */
function createRun(setup: NaiveSetup) {
  const history: Judged[] = [];
  const authorizations: AcceptedAuthorization[] = [];
  const entered: AcceptedAuthorization[] = [];
  const disputes: AcceptedDispute[] = [];
  const gaveUp = new Set<AcceptedDispute>();
  const decisions: NaiveDecision[] = [];
  const tooLateRows: NaiveRow[] = [];
  const lateEvents: string[] = [];
  const deadLetters: string[] = [];
  const counts = new Map<string, number>();
  const ledger = createNaiveLedger(setup.ledger);
  const raw: RawEvents = { plan: setup.plan, entered, disputes, gaveUp };
  const lists = { history, authorizations, entered, disputes, gaveUp, decisions, tooLateRows, lateEvents, deadLetters };
  return { setup, ...lists, counts, ledger, raw };
}

function takeIn(run: Run, { record }: LogItem, judged: Judged): void {
  switch (judged.kind) {
    case 'end':
      return undefined;
    case 'duplicate':
      return countOne(run, 'duplicates');
    case 'dead':
      run.deadLetters.push(`${judged.topic} ${judged.code} @${record.offset}`);
      return countOne(run, `deadLetters.${judged.code}`);
    case 'accepted':
      return accept(run, judged.accepted);
  }
}

function accept(run: Run, accepted: Accepted): void {
  const { domain, status, offset, watermarkMs } = accepted;
  countOne(run, `accepted.${domain.topic}`);
  if (status !== 'onTime') countOne(run, status);
  if (status === 'tooLate') {
    const lateByMs = finiteOrNull(watermarkMs - domain.event.eventTimeMs);
    run.lateEvents.push(lateLine({ topic: domain.topic, offset, reason: 'tooLate', lateByMs, watermarkMs }));
  }
  if (domain.topic === 'payments.authorization.v1') return decide(run, { ...accepted, event: domain.event });
  if (status === 'tooLate') return undefined;
  if (domain.topic === 'payments.dispute.v1') {
    if (run.setup.plan.label === null) return undefined;
    const dispute = judgeDispute(run.setup.plan, run.authorizations, { ...accepted, event: domain.event });
    run.disputes.push(dispute);
    return countOne(run, `labels.${dispute.fate}`);
  }
  const kind = domain.topic === 'payments.clearing.v1' ? 'clearing' : 'reversal';
  return release(run.ledger, { kind, event: domain.event, offset });
}

function decide(run: Run, authorization: AcceptedAuthorization): void {
  const { event, status, offset, watermarkMs } = authorization;
  run.authorizations.push(authorization);
  if (status !== 'tooLate') {
    run.entered.push(authorization);
    endWaitsFor(run.disputes, event);
  }
  const features = decisionVector(run.raw, authorization);
  const outcome = run.setup.outcomeOf(event, features);
  run.decisions.push({ offset, status, watermarkMs: finiteOrNull(watermarkMs), outcome, features });
  if (status === 'tooLate') run.tooLateRows.push({ offset, revision: null, decision: features, settled: null });
  countOne(run, `decisions.${outcome}`);
  authorize(run.ledger, { event, outcome, offset });
}

/** What the watermark brings after each record: waits for an authorization end, and so do holds. */
function passTime(run: Run): void {
  const watermarkMs = stateWatermarkMs(run.setup.watermarkPer, run.history);
  const labels = giveUpWaits(run.disputes, watermarkMs);
  for (const dispute of labels) run.gaveUp.add(dispute);
  const releases = advance(run.ledger, watermarkMs);
  for (const { offset, topic } of [
    ...labels.map(({ offset, domain }) => ({ offset, topic: domain.topic })),
    ...releases,
  ]) {
    run.lateEvents.push(lateLine({ topic, offset, reason: 'unknownAuthorization', lateByMs: null, watermarkMs }));
    countOne(run, 'unknownAuthorization');
  }
}

function settledRow(run: Run, row: AcceptedAuthorization): NaiveRow {
  const decision = run.decisions.find(({ offset }) => offset === row.offset)?.features ?? [];
  return {
    offset: row.offset,
    revision: revisionOf(run.raw, row),
    decision,
    settled: settledVector(run.raw, row),
  };
}

/** A row of the late sink as a line. */
export function lateLine(late: {
  readonly topic: string;
  readonly offset: number;
  readonly reason: string;
  readonly lateByMs: number | null;
  readonly watermarkMs: number | null;
}): string {
  const watermarkMs = late.watermarkMs === null ? null : finiteOrNull(late.watermarkMs);
  return `${late.topic} ${late.reason} @${late.offset} by ${late.lateByMs} at ${watermarkMs}`;
}

function countOne({ counts }: Run, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function finiteOrNull(valueMs: number): number | null {
  return Number.isFinite(valueMs) ? valueMs : null;
}
