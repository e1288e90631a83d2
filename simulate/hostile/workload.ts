import type { Authorization } from '../../core/contract/authorization.ts';
import type { DomainEvent } from '../../core/contract/domain-event.ts';
import { openStream, type RandomStream, wholeBelow } from '../random.ts';
import { endItem, eventItem, type LogItem, type LogPlace, refusedItem } from './log.ts';

/** One record of a hostile log, as choices; all of them are relative to what comes before. */
export type Draft = {
  readonly kind: 'authorization' | 'clearing' | 'reversal' | 'dispute' | 'copy' | 'refused' | 'end';
  /** The clock moves by this before the record. */
  readonly stepMs: number;
  /** The event is this much older than the clock. */
  readonly behindMs: number;
  /** Negative: the event claims to be from the future. */
  readonly ingestAfterMs: number;
  readonly amountMinor: number;
  /** Chooses terminal, merchant, device, location, country and channel. */
  readonly place: number;
  /** The number of the authorization that is referred to, from the number of the next one. */
  readonly target: number;
  /** How many events back the copied one is. */
  readonly copyBack: number;
  readonly copyAs: 'same' | 'reordered' | 'conflict' | 'otherTime';
  readonly reason: 'fraud' | 'notReceived';
  readonly currency: 'EUR' | 'USD';
};

const secondMs = 1000;
const dayMs = 86_400 * secondMs;

/** The first event time of every log: a Saturday, 23:59 UTC, so that hour and weekday change in it. */
export const startTimeMs = Date.UTC(2024, 5, 1, 23, 59);

/** Holds and waits so short that they end within a log. */
export const shortLedger = { holdMs: 600 * secondMs, closedRetentionMs: 1200 * secondMs, waitMs: 300 * secondMs };

/** What each choice is taken from, as often as it stands here; the simplest comes first, and cases shrink to it. */
export const draftChoices: {
  readonly [Field in keyof Draft]: readonly (readonly [times: number, value: Draft[Field]])[];
} = {
  kind: [
    [1100, 'authorization'],
    [300, 'dispute'],
    [130, 'clearing'],
    [70, 'reversal'],
    [150, 'copy'],
    [40, 'refused'],
    [1, 'end'],
  ],
  stepMs: [
    [500, 0],
    [700, secondMs],
    [300, 500],
    [100, 2500],
    [100, 5 * secondMs],
    [60, 10 * secondMs],
    [40, 60 * secondMs],
    [20, 65_001],
    [15, 600 * secondMs],
    [6, 7 * dayMs],
    [5, 7 * dayMs - 30 * secondMs],
    [3, dayMs],
    [4, 8 * dayMs - 30 * secondMs],
    [3, 8 * dayMs],
    [3, 3 * dayMs],
    [1, 121 * dayMs],
  ],
  behindMs: [
    [600, 0],
    [60, secondMs],
    [60, 3 * secondMs],
    [30, 5 * secondMs],
    [30, 5001],
    [60, 10 * secondMs],
    [60, 30 * secondMs],
    [20, 60 * secondMs],
    [15, 64_999],
    [15, 65 * secondMs],
    [15, 65_001],
    [20, 90 * secondMs],
    [10, 660 * secondMs],
    [5, 8 * dayMs],
  ],
  ingestAfterMs: [
    [50, 0],
    [10, 700],
    [2, -300 * secondMs],
    [2, -300 * secondMs - 1],
  ],
  amountMinor: [
    [2, 100],
    [2, 0],
    [2, 250],
    [2, 1000],
    [2, 1001],
    [1, 5000],
    [1, 123_456],
    [1, 999_999_999_999],
    [1, 999_999_999_998],
  ],
  place: Array.from({ length: 24 }, (_, place): readonly [number, number] => [1, place]),
  target: Array.from({ length: 40 }, (_, index): readonly [number, number] => [index < 35 ? 1 : 2, index - 35]),
  copyBack: Array.from({ length: 30 }, (_, back): readonly [number, number] => [1, back]),
  copyAs: [
    [4, 'same'],
    [2, 'reordered'],
    [2, 'conflict'],
    [1, 'otherTime'],
  ],
  reason: [
    [3, 'fraud'],
    [1, 'notReceived'],
  ],
  currency: [
    [9, 'EUR'],
    [1, 'USD'],
  ],
};

/** The drafts of one seed: as hostile as fast-check's, and much faster to make. */
export function seededDrafts({ seed, length }: { readonly seed: number; readonly length: number }): Draft[] {
  const random = openStream({ seed, name: 'hostile log' });
  return Array.from({ length }, () => ({
    kind: pick(random, 'kind'),
    stepMs: pick(random, 'stepMs'),
    behindMs: pick(random, 'behindMs'),
    ingestAfterMs: pick(random, 'ingestAfterMs'),
    amountMinor: pick(random, 'amountMinor'),
    place: pick(random, 'place'),
    target: pick(random, 'target'),
    copyBack: pick(random, 'copyBack'),
    copyAs: pick(random, 'copyAs'),
    reason: pick(random, 'reason'),
    currency: pick(random, 'currency'),
  }));
}

/** Offsets leave room between two records, so that a test can put copies there. */
export const offsetStride = 10;

/** Writes the log of the drafts. */
export function logOf(drafts: readonly Draft[]): LogItem[] {
  const log: LogItem[] = [];
  const events: DomainEvent[] = [];
  let clockMs = startTimeMs;
  let authorizations = 0;
  for (const [index, draft] of drafts.entries()) {
    const offset = index * offsetStride;
    clockMs += draft.stepMs;
    const eventTimeMs = Math.max(0, clockMs - draft.behindMs);
    const place = { offset, ingestTimeMs: Math.max(0, eventTimeMs + draft.ingestAfterMs) };
    if (draft.kind === 'end') log.push(endItem(place));
    else if (draft.kind === 'refused') log.push(refusedItem(place, draft.place));
    else if (draft.kind === 'copy') log.push(copyItem(events, draft, place));
    else {
      const domain = domainOf(draft, { offset, eventTimeMs, next: authorizations });
      if (draft.kind === 'authorization') authorizations += 1;
      events.push(domain);
      log.push(eventItem(domain, place));
    }
  }
  return log;
}

/** A log of authorizations and disputes, sorted by event time and no two at the same time. */
export function sortedLog({ seed, length }: { readonly seed: number; readonly length: number }): LogItem[] {
  const drafts = seededDrafts({ seed, length }).map((draft): Draft => ({
    ...draft,
    kind: draft.kind === 'dispute' ? 'dispute' : 'authorization',
    stepMs: Math.min(draft.stepMs, 7 * dayMs) + 1,
    behindMs: 0,
    ingestAfterMs: 0,
  }));
  return logOf(drafts);
}

/** The same records in another order, each moved by less than `reach` places; offsets follow the new order. */
export function shuffled(log: readonly LogItem[], { seed, reach }: { readonly seed: number; readonly reach: number }) {
  const random = openStream({ seed, name: 'order' });
  return arranged(log, (_, index) => index + random() * reach);
}

/** The same records by the keys that `keyOf` gives them; offsets follow the new order. */
export function arranged(log: readonly LogItem[], keyOf: (item: LogItem, index: number) => number): LogItem[] {
  return log
    .map((item, index) => ({ item, key: keyOf(item, index) }))
    .toSorted((left, right) => left.key - right.key)
    .map(({ item }, index) => ({ ...item, record: { ...item.record, offset: index * offsetStride } }));
}

function domainOf(
  draft: Draft,
  at: { readonly offset: number; readonly eventTimeMs: number; readonly next: number },
): DomainEvent {
  const { eventTimeMs, next, offset } = at;
  if (draft.kind === 'authorization') {
    return { topic: 'payments.authorization.v1', event: authorizationOf(draft, { eventTimeMs, number: next }) };
  }
  const { tenantId, accountId, eventId: authorizationId } = identityOf(Math.max(0, next + draft.target));
  const head = { tenantId, accountId, authorizationId, eventTimeMs, eventId: `e${offset}` };
  if (draft.kind === 'dispute') return { topic: 'payments.dispute.v1', event: { ...head, reason: draft.reason } };
  const release = { ...head, amountMinor: draft.amountMinor, currency: draft.currency };
  const topic = draft.kind === 'clearing' ? 'payments.clearing.v1' : 'payments.reversal.v1';
  return { topic, event: release };
}

/** Few keys, all of them hot; two accounts have an event of each id, and two tenants an account of each name. */
function identityOf(number: number): Pick<Authorization, 'tenantId' | 'accountId' | 'eventId'> {
  return {
    tenantId: number % 11 === 10 ? 't2' : 't1',
    accountId: `account-${number % 4}`,
    eventId: `e${Math.floor(number / 2)}`,
  };
}

function authorizationOf(
  { place, amountMinor, currency }: Draft,
  { eventTimeMs, number }: { readonly eventTimeMs: number; readonly number: number },
): Authorization {
  const channels = ['cardPresent', 'ecommerce', 'atm'] as const;
  const latitude = (place % 4) * 17.25;
  return {
    ...identityOf(number),
    eventTimeMs,
    cardToken: `card-${number % 4}-${place % 2}`,
    merchantId: `merchant-${place % 2}`,
    terminalId: `terminal-${place % 3}`,
    amountMinor,
    currency,
    channel: channels[place % 3] ?? 'moto',
    entryMode: 'chip',
    mcc: '5411',
    country: place % 5 === 0 ? 'DE' : 'NL',
    ...(place % 4 === 3 ? {} : { deviceId: `device-${place % 3}` }),
    ...(place % 6 === 5 ? {} : { location: { latitude, longitude: latitude * 2 - 60 } }),
  };
}

function copyItem(events: readonly DomainEvent[], draft: Draft, place: LogPlace): LogItem {
  const copied = events.at(-1 - (draft.copyBack % Math.max(1, events.length)));
  if (copied === undefined) return refusedItem(place, draft.place);
  if (draft.copyAs === 'same' || draft.copyAs === 'reordered') {
    return eventItem(copied, { ...place, spelling: draft.copyAs === 'same' ? 'plain' : 'reordered' });
  }
  return eventItem(changed(copied, draft), place);
}

/** Another body under the same id. */
function changed(domain: DomainEvent, { copyAs, stepMs }: Draft): DomainEvent {
  const eventTimeMs = domain.event.eventTimeMs + (copyAs === 'otherTime' ? stepMs + 1 : 0);
  switch (domain.topic) {
    case 'payments.authorization.v1':
      return { ...domain, event: { ...domain.event, eventTimeMs, mcc: '7995' } };
    case 'payments.dispute.v1':
      return { ...domain, event: { ...domain.event, eventTimeMs, reason: 'other' } };
    default:
      return { ...domain, event: { ...domain.event, eventTimeMs, amountMinor: domain.event.amountMinor + 1 } };
  }
}

function pick<Field extends keyof Draft>(random: RandomStream, field: Field): Draft[Field] {
  const options = draftChoices[field];
  let left = wholeBelow(
    random,
    options.reduce((total, [times]) => total + times, 0),
  );
  for (const [times, value] of options) {
    left -= times;
    if (left < 0) return value;
  }
  throw new RangeError(`got no choice of ${field}, expected one`);
}
