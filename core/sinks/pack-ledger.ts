import { packColumns, unpackColumns, type Columns } from '../engine/columns.ts';
import { packBlock } from './chain-block.ts';
import { authorizationKey } from './ledger-accounts.ts';
import type { Hold, LedgerState, LedgerTimer } from './ledger-state.ts';

/** The ledger's state as a checkpoint holds it: holds and timers in columns. */
export type PackedLedger = Omit<LedgerState, 'holds' | 'timers'> & {
  readonly holds: Columns;
  readonly timers: Columns;
  readonly timerInsertions: number;
};

/** Packs the state. */
export function packLedger(state: LedgerState): PackedLedger {
  const { holds, timers, ...others } = state;
  return {
    ...others,
    openBlock: packBlock(state.openBlock),
    holds: packColumns([...holds.values()]),
    timers: packColumns(
      timers.heap.map(({ timeMs, offset, insertion, value }) => ({ timeMs, offset, insertion, ...flat(value) })),
    ),
    timerInsertions: timers.insertions,
  };
}

/** The state again: every entry from here on is the same. */
export function unpackLedger(packed: PackedLedger): LedgerState {
  const { holds, timers, timerInsertions, ...others } = packed;
  const heap = unpackColumns(timers, ({ number, text }) => ({
    timeMs: number('timeMs'),
    offset: number('offset'),
    insertion: number('insertion'),
    value: unflat(text),
  }));
  return {
    ...others,
    holds: new Map(
      unpackColumns(holds, ({ number, text }): Hold => ({
        tenantId: text('tenantId'),
        accountId: text('accountId'),
        authorizationId: text('authorizationId'),
        merchantId: text('merchantId'),
        currency: text('currency'),
        cardholderAccount: text('cardholderAccount'),
        pendingAccount: text('pendingAccount'),
        expiryTimeMs: number('expiryTimeMs'),
        offset: number('offset'),
        idempotencyHash: text('idempotencyHash'),
        status: text('status') === 'open' ? 'open' : 'closed',
        remainingMinor: number('remainingMinor'),
      })).map((hold) => [authorizationKey(hold), hold]),
    ),
    timers: { heap, insertions: timerInsertions },
  };
}

type FlatTimer = {
  readonly kind: string;
  readonly authorizationKey: string;
  readonly topic: string;
  readonly waitOffset: string;
};

function flat(timer: LedgerTimer): FlatTimer {
  const { kind, authorizationKey: key } = timer;
  const isWait = timer.kind === 'wait';
  return {
    kind,
    authorizationKey: key,
    topic: isWait ? timer.topic : '',
    waitOffset: isWait ? String(timer.offset) : '',
  };
}

function unflat(text: (name: string) => string): LedgerTimer {
  const kind = text('kind');
  const key = text('authorizationKey');
  if (kind === 'wait') return { kind, authorizationKey: key, topic: text('topic'), offset: Number(text('waitOffset')) };
  return { kind: kind === 'expiry' ? 'expiry' : 'eviction', authorizationKey: key };
}
