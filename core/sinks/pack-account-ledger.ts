import { authorizationContract } from '../contract/authorization.ts';
import { idempotencyHash, idempotencyKey } from '../contract/idempotency-key.ts';
import type { ByteReader } from '../engine/byte-reader.ts';
import type { ByteWriter } from '../engine/byte-writer.ts';
import { addTimer } from '../engine/timers.ts';
import { authorizationKey, cardholderAccount, pendingAccount } from './ledger-accounts.ts';
import type { Hold, LedgerState, Release } from './ledger-state.ts';

/** Writes what the ledger remembers of one account; accounts, hashes and timers follow from it. */
export function packAccountLedger(writer: ByteWriter, state: LedgerState): void {
  const expired = new Set<string>();
  for (const { value } of state.timers.heap) if (value.kind === 'eviction') expired.add(value.authorizationKey);
  writer.natural(state.entries);
  writer.natural(state.holds.size);
  let before = { offset: 0, expiryTimeMs: 0 };
  for (const [key, hold] of [...state.holds].toSorted(([, left], [, right]) => left.offset - right.offset)) {
    writer.natural((hold.status === 'open' ? 1 : 0) + (expired.has(key) ? 2 : 0));
    writer.natural(hold.offset - before.offset);
    writer.integer(hold.expiryTimeMs - before.expiryTimeMs);
    writer.text(hold.tenantId);
    writer.text(hold.accountId);
    writer.next(hold.authorizationId);
    writer.text(hold.merchantId);
    writer.text(hold.currency);
    if (hold.status === 'open') writer.natural(hold.remainingMinor);
    before = hold;
  }
  writer.text(state.waiting.size === 0 ? '' : JSON.stringify([...state.waiting]));
}

/** Reads it into a ledger without entries. */
export function unpackAccountLedger(reader: ByteReader, state: LedgerState): void {
  state.entries = reader.natural();
  let offset = 0;
  let expiryTimeMs = 0;
  for (let left = reader.natural(); left > 0; left--) {
    const flags = reader.natural();
    offset += reader.natural();
    expiryTimeMs += reader.integer();
    const hold = readHold(reader, { isOpen: flags % 2 === 1, offset, expiryTimeMs });
    const key = authorizationKey(hold);
    state.holds.set(key, hold);
    if (hold.status === 'open') state.openHolds += 1;
    const timeMs = flags >= 2 ? expiryTimeMs + state.config.closedRetentionMs : expiryTimeMs;
    const kind = flags >= 2 ? 'eviction' : 'expiry';
    addTimer(state.timers, { timeMs, offset, value: { kind, authorizationKey: key } });
  }
  readWaiting(state, reader.text());
}

function readHold(
  reader: ByteReader,
  {
    isOpen,
    offset,
    expiryTimeMs,
  }: { readonly isOpen: boolean; readonly offset: number; readonly expiryTimeMs: number },
): Hold {
  const tenantId = reader.text();
  const accountId = reader.text();
  const authorizationId = reader.next();
  const merchantId = reader.text();
  const { topic } = authorizationContract;
  return {
    tenantId,
    accountId,
    authorizationId,
    merchantId,
    currency: reader.text(),
    cardholderAccount: cardholderAccount({ tenantId, accountId }),
    pendingAccount: pendingAccount({ tenantId, merchantId }),
    expiryTimeMs,
    offset,
    // Asked for by an expiry alone, and a hash of each hold would cost more than the rest of the account.
    get idempotencyHash() {
      return idempotencyHash(idempotencyKey({ topic, tenantId, key: accountId, eventId: authorizationId }));
    },
    status: isOpen ? 'open' : 'closed',
    remainingMinor: isOpen ? reader.natural() : 0,
  };
}

/** Items are written by this program alone: it is enough to tell the layout. */
function areWaiting(value: unknown): value is readonly [string, Release[]][] {
  return Array.isArray(value);
}

function readWaiting(state: LedgerState, text: string): void {
  if (text === '') return;
  const waiting: unknown = JSON.parse(text);
  if (!areWaiting(waiting)) throw new TypeError('got another text of waits, expected a list');
  for (const [key, releases] of waiting) {
    state.waiting.set(key, releases);
    state.waitingReleases += releases.length;
    for (const { event, topic, offset } of releases) {
      const timeMs = event.eventTimeMs + state.config.waitMs;
      addTimer(state.timers, { timeMs, offset, value: { kind: 'wait', authorizationKey: key, topic, offset } });
    }
  }
}
