import { authorizationKey } from '../../core/sinks/ledger-accounts.ts';
import type { LedgerConfig } from '../../core/sinks/ledger-state.ts';
import type { LedgerStep } from './ledger-events.ts';

/**
 * The slow twin of the ledger: for each step, folds the log up to it once for every authorization, and sorts what falls due
 * by time, then offset. One line a posted entry or late row.
 */
export function twinOutputs(steps: readonly LedgerStep[], config: LedgerConfig): string[][] {
  const keys = [...new Set(steps.flatMap((step) => (step.kind === 'advance' ? [] : [keyOf(step)])))];
  return steps.map((last, index) => {
    const prefix = steps.slice(0, index + 1);
    const concerned = keys.filter((key) => concerns(last, key));
    const rows = concerned.flatMap((key) =>
      foldHold(
        prefix.filter((step) => concerns(step, key)),
        config,
      ),
    );
    if (last.kind === 'advance') rows.sort((left, right) => left.timeMs - right.timeMs || left.offset - right.offset);
    return [...rows.filter((row) => !row.isLate), ...rows.filter((row) => row.isLate)].map((row) => row.text);
  });
}

type Row = { readonly isLate: boolean; readonly timeMs: number; readonly offset: number; readonly text: string };
type AuthorizeStep = Extract<LedgerStep, { kind: 'authorize' }>;
type ReleaseStep = Extract<LedgerStep, { kind: 'clear' | 'reverse' }>;
type Fold = { hold: AuthorizeStep | null; isOpen: boolean; takenMinor: number[]; waits: ReleaseStep[] };

/** Everything that happens to one authorization; gives the rows of the last step. */
function foldHold(steps: readonly LedgerStep[], config: LedgerConfig): Row[] {
  const fold: Fold = { hold: null, isOpen: false, takenMinor: [], waits: [] };
  return steps.map((step) => foldStep(fold, step, config)).at(-1) ?? [];
}

function foldStep(fold: Fold, step: LedgerStep, config: LedgerConfig): Row[] {
  if (step.kind === 'authorize') return foldAuthorize(fold, step);
  if (step.kind === 'advance') return foldAdvance(fold, step.watermarkMs, config);
  if (fold.hold !== null) return foldRelease(fold, fold.hold, step);
  fold.waits.push(step);
  return [];
}

function foldAuthorize(fold: Fold, step: AuthorizeStep): Row[] {
  const { event, offset, outcome } = step;
  const { cardholder, pending } = accountsOf(step);
  const waits = fold.waits;
  fold.hold = step;
  fold.isOpen = outcome !== 'decline';
  fold.waits = [];
  const amount = `${fold.isOpen ? event.amountMinor : 0} ${event.currency}`;
  const text = `authorization matched ${amount} ${cardholder} > ${pending} ${event.eventId} ${event.eventTimeMs} @${offset}`;
  const row: Row = { isLate: false, timeMs: event.eventTimeMs, offset, text };
  return [row, ...waits.flatMap((wait) => foldRelease(fold, step, wait))];
}

function foldRelease(fold: Fold, hold: AuthorizeStep, { kind, event, offset }: ReleaseStep): Row[] {
  const { cardholder, pending, settled } = accountsOf(hold);
  const isMatched = fold.isOpen && event.currency === hold.event.currency;
  const matchedMinor = isMatched ? Math.min(event.amountMinor, remainingMinor(fold)) : 0;
  const excessMinor = event.amountMinor - matchedMinor;
  if (isMatched) take(fold, matchedMinor);
  const texts =
    kind === 'clear'
      ? [
          `clearing matched ${matchedMinor} ${event.currency} ${pending} > ${settled}`,
          `clearing unmatched ${excessMinor} ${event.currency} ${cardholder} > ${settled}`,
        ]
      : [
          `reversal matched ${matchedMinor} ${event.currency} ${pending} > ${cardholder}`,
          `reversal unmatched 0 ${event.currency} ${pending} > ${cardholder}`,
        ];
  const isPosted = [isMatched, !isMatched || excessMinor > 0];
  const rest = `${event.authorizationId} ${event.eventTimeMs} @${offset}`;
  return texts
    .filter((_, index) => isPosted[index])
    .map((text) => ({ isLate: false, timeMs: event.eventTimeMs, offset, text: `${text} ${rest}` }));
}

function foldAdvance(fold: Fold, watermarkMs: number, config: LedgerConfig): Row[] {
  const rows: Row[] = [];
  const { hold } = fold;
  if (hold !== null) {
    const { event, offset } = hold;
    const { cardholder, pending } = accountsOf(hold);
    const timeMs = event.eventTimeMs + config.holdMs;
    if (fold.isOpen && watermarkMs >= timeMs) {
      const amount = `${remainingMinor(fold)} ${event.currency}`;
      const text = `expiry matched ${amount} ${pending} > ${cardholder} ${event.eventId} ${timeMs} @${offset}`;
      rows.push({ isLate: false, timeMs, offset, text });
      take(fold, remainingMinor(fold));
    }
    if (watermarkMs >= timeMs + config.closedRetentionMs) fold.hold = null;
  }
  const isOver = (wait: ReleaseStep) => watermarkMs >= wait.event.eventTimeMs + config.waitMs;
  rows.push(...fold.waits.filter(isOver).map(lateRow));
  fold.waits = fold.waits.filter((wait) => !isOver(wait));
  return rows;
}

function remainingMinor({ hold, takenMinor }: Fold): number {
  return (hold?.event.amountMinor ?? 0) - takenMinor.reduce((sum, taken) => sum + taken, 0);
}

function take(fold: Fold, amountMinor: number): void {
  fold.takenMinor.push(amountMinor);
  fold.isOpen = remainingMinor(fold) > 0;
}

function keyOf(step: Exclude<LedgerStep, { kind: 'advance' }>): string {
  if (step.kind === 'authorize') return authorizationKey({ ...step.event, authorizationId: step.event.eventId });
  return authorizationKey(step.event);
}

function concerns(step: LedgerStep, key: string): boolean {
  return step.kind === 'advance' || keyOf(step) === key;
}

function lateRow({ kind, event, offset }: ReleaseStep): Row {
  const name = kind === 'clear' ? 'clearing' : 'reversal';
  return {
    isLate: true,
    timeMs: event.eventTimeMs,
    offset,
    text: `late ${name} ${authorizationKey(event)} @${offset}`,
  };
}

function accountsOf({ event }: AuthorizeStep) {
  return {
    cardholder: `cardholder/${event.tenantId}/${event.accountId}`,
    pending: `pending/${event.tenantId}/${event.merchantId}`,
    settled: `settled/${event.tenantId}/${event.merchantId}`,
  };
}
