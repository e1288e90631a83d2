import type { Clearing } from '../contract/clearing.ts';
import type { Reversal } from '../contract/reversal.ts';
import { createTimers } from '../engine/timers.ts';
import type { Timers } from '../engine/timers.ts';
import { createOpenBlock } from './chain-block.ts';
import type { OpenBlock } from './chain-block.ts';
import type { CurrencyTotals } from './currency-totals.ts';

export type LedgerConfig = {
  /** How long after its event time a hold expires. */
  readonly holdMs: number;
  /** How long after its expiry time a hold is remembered, so that what comes for it is posted as unmatched. */
  readonly closedRetentionMs: number;
  /** How long after its event time a clearing or a reversal waits for its authorization. */
  readonly waitMs: number;
};

const dayMs = 86_400_000;

/** Holds and waits of 7 days; closed holds are remembered for 30 more. */
export const defaultLedgerConfig: LedgerConfig = {
  holdMs: 7 * dayMs,
  closedRetentionMs: 30 * dayMs,
  waitMs: 7 * dayMs,
};

/** What the ledger remembers of one authorization. A declined one is closed from the start. */
export type Hold = {
  readonly tenantId: string;
  readonly accountId: string;
  readonly authorizationId: string;
  readonly merchantId: string;
  readonly currency: string;
  /** Ledger accounts, kept since building them costs more than holding them. */
  readonly cardholderAccount: string;
  readonly pendingAccount: string;
  readonly expiryTimeMs: number;
  /** Of the authorization. */
  readonly offset: number;
  /** Of the authorization: the ids of its entries begin with it. */
  readonly idempotencyHash: string;
  status: 'open' | 'closed';
  /** What is neither cleared, reversed nor expired; 0 once closed. */
  remainingMinor: number;
};

/** A clearing or a reversal with its place in the log. */
export type Release =
  | { readonly kind: 'clearing'; readonly event: Clearing; readonly topic: string; readonly offset: number }
  | { readonly kind: 'reversal'; readonly event: Reversal; readonly topic: string; readonly offset: number };

/** What falls due by the watermark: the end of a hold, the end of its memory, the end of a wait. */
export type LedgerTimer =
  | { readonly kind: 'expiry' | 'eviction'; readonly authorizationKey: string }
  | { readonly kind: 'wait'; readonly authorizationKey: string; readonly topic: string; readonly offset: number };

/**
 * The ledger between two inputs: plain data, changed in place by the functions that post to it. It grows with the
 * authorizations of the last `holdMs + closedRetentionMs` and the releases that wait; a Map holds at most 2^24 of each.
 */
export type LedgerState = {
  readonly config: LedgerConfig;
  readonly holds: Map<string, Hold>;
  /** Releases without their authorization, by its key, in log order. */
  readonly waiting: Map<string, Release[]>;
  readonly timers: Timers<LedgerTimer>;
  /** The end of the chain: the entries since its last full block. */
  readonly openBlock: OpenBlock;
  readonly totals: Map<string, CurrencyTotals>;
  /** Posted so far: the sequence number of the next entry. */
  entries: number;
  openHolds: number;
  waitingReleases: number;
};

/** A ledger without entries; times that are not given are the default ones. */
export function createLedgerState(config: Partial<LedgerConfig> = {}): LedgerState {
  return {
    config: { ...defaultLedgerConfig, ...config },
    holds: new Map(),
    waiting: new Map(),
    timers: createTimers(),
    openBlock: createOpenBlock(),
    totals: new Map(),
    entries: 0,
    openHolds: 0,
    waitingReleases: 0,
  };
}
