import type { Authorization } from '../../core/contract/authorization.ts';
import type { Clearing } from '../../core/contract/clearing.ts';
import type { Outcome } from '../../core/score/decision.ts';
import type { LedgerConfig } from '../../core/sinks/ledger-state.ts';

type Hold = {
  readonly event: Authorization;
  readonly offset: number;
  leftMinor: number;
  isOpen: boolean;
  /** Waits for its expiry time, is past it, or is no longer remembered. */
  phase: 'running' | 'expired' | 'forgotten';
};

/** A clearing or a reversal. */
type Release = { readonly kind: 'clearing' | 'reversal'; readonly event: Clearing; readonly offset: number };

/** A ledger of plain lists that are searched from the start each time; an entry is a line. */
export type NaiveLedger = {
  readonly config: LedgerConfig;
  readonly entries: string[];
  readonly holds: Hold[];
  waits: Release[];
};

export function createNaiveLedger(config: LedgerConfig): NaiveLedger {
  return { config, entries: [], holds: [], waits: [] };
}

/** Holds the amount, or posts a memo of 0 for a decline; then come the releases that waited. */
export function authorize(
  ledger: NaiveLedger,
  posted: { readonly event: Authorization; readonly outcome: Outcome; readonly offset: number },
): void {
  const { event, outcome, offset } = posted;
  const amountMinor = outcome === 'decline' ? 0 : event.amountMinor;
  const hold: Hold = { event, offset, leftMinor: amountMinor, isOpen: outcome !== 'decline', phase: 'running' };
  ledger.holds.push(hold);
  ledger.entries.push(line('authorization', 'matched', { event: asReferred(event), amountMinor, offset }));
  for (const wait of ledger.waits) if (refersTo(wait.event, event)) take(ledger, hold, wait);
  ledger.waits = ledger.waits.filter((wait) => !refersTo(wait.event, event));
}

/** Takes a clearing or a reversal from its hold; without one it waits. */
export function release(ledger: NaiveLedger, wait: Release): void {
  const hold = ledger.holds.find(({ event, phase }) => phase !== 'forgotten' && refersTo(wait.event, event));
  if (hold === undefined) ledger.waits.push(wait);
  else take(ledger, hold, wait);
}

/** Ends holds and waits by time, then offset; gives the waits that ended in vain. */
export function advance(
  ledger: NaiveLedger,
  watermarkMs: number,
): { readonly topic: string; readonly offset: number }[] {
  const due = ledger.holds.flatMap((hold) => dueOf(ledger, hold, watermarkMs));
  for (const { end } of due.toSorted((left, right) => left.timeMs - right.timeMs || left.offset - right.offset)) end();
  const isOver = ({ event }: Release) => event.eventTimeMs + ledger.config.waitMs <= watermarkMs;
  const over = ledger.waits.filter(isOver);
  ledger.waits = ledger.waits.filter((wait) => !isOver(wait));
  return over
    .toSorted((left, right) => left.event.eventTimeMs - right.event.eventTimeMs || left.offset - right.offset)
    .map(({ kind, offset }) => ({ topic: `payments.${kind}.v1`, offset }));
}

function take({ entries }: NaiveLedger, hold: Hold, { kind, event, offset }: Release): void {
  const isMatched = hold.isOpen && hold.event.currency === event.currency;
  const takenMinor = isMatched ? Math.min(hold.leftMinor, event.amountMinor) : 0;
  const excessMinor = event.amountMinor - takenMinor;
  if (isMatched) entries.push(line(kind, 'matched', { event, amountMinor: takenMinor, offset }));
  hold.leftMinor -= takenMinor;
  if (isMatched && hold.leftMinor === 0) hold.isOpen = false;
  if (isMatched && excessMinor === 0) return;
  entries.push(line(kind, 'unmatched', { event, amountMinor: kind === 'clearing' ? excessMinor : 0, offset }));
}

type Due = { readonly timeMs: number; readonly offset: number; readonly end: () => void };

function dueOf({ config, entries }: NaiveLedger, hold: Hold, watermarkMs: number): Due[] {
  const { event, offset, phase } = hold;
  const expiryMs = event.eventTimeMs + config.holdMs;
  const forgetMs = expiryMs + config.closedRetentionMs;
  const expire = () => {
    hold.phase = 'expired';
    const amountMinor = hold.leftMinor;
    if (hold.isOpen) entries.push(line('expiry', 'matched', { event: asReferred(event), amountMinor, offset }));
    hold.isOpen = false;
    hold.leftMinor = 0;
  };
  const forget = () => {
    hold.phase = 'forgotten';
  };
  return [
    ...(phase === 'running' && expiryMs <= watermarkMs ? [{ timeMs: expiryMs, offset, end: expire }] : []),
    ...(phase !== 'forgotten' && forgetMs <= watermarkMs ? [{ timeMs: forgetMs, offset, end: forget }] : []),
  ];
}

/** What is held, cleared and so on in each currency, and what is still open, as lines; sums of whole numbers. */
export function totalsOf({ entries, holds, waits }: NaiveLedger): string[] {
  const posted = entries.map((entry) => entry.split(' '));
  const sumOf = (currency: string, name: string) =>
    posted
      .filter((words) => words[3] === currency && name === `${words[0]} ${words[1]}`)
      .reduce((sum, words) => sum + BigInt(words[2] ?? ''), 0n);
  const sums = [...new Set(posted.map((words) => words[3] ?? ''))].toSorted().map((currency) => {
    const [held, cleared, reversed, expired] = ['authorization', 'clearing', 'reversal', 'expiry'].map((kind) =>
      sumOf(currency, `${kind} matched`),
    );
    return `${currency} ${held} ${cleared} ${reversed} ${expired} ${sumOf(currency, 'clearing unmatched')}`;
  });
  return [...sums, `${holds.filter(({ isOpen }) => isOpen).length} open, ${waits.length} wait`];
}

/** An entry's line; the same is made of the entries that the ledger posts. */
export function line(
  kind: string,
  match: 'matched' | 'unmatched',
  entry: {
    readonly event: Pick<Clearing, 'tenantId' | 'accountId' | 'authorizationId' | 'currency'>;
    readonly amountMinor: number;
    readonly offset: number;
  },
): string {
  const { tenantId, accountId, authorizationId, currency } = entry.event;
  return `${kind} ${match} ${entry.amountMinor} ${currency} ${tenantId}/${accountId}/${authorizationId} @${entry.offset}`;
}

function asReferred(event: Authorization): Parameters<typeof line>[2]['event'] {
  return { ...event, authorizationId: event.eventId };
}

function refersTo(release: Clearing, { tenantId, accountId, eventId }: Authorization): boolean {
  return release.tenantId === tenantId && release.accountId === accountId && release.authorizationId === eventId;
}
