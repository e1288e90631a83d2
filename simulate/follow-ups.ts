import type { Authorization } from '../core/contract/authorization.ts';
import type { Clearing } from '../core/contract/clearing.ts';
import type { FraudScenario, SimulatedItem } from './item.ts';
import type { SimulationParameters } from './parameters.ts';
import { chance, uniform, wholeBelow, type RandomStream } from './random.ts';

const minuteSeconds = 60;
const daySeconds = 86_400;

/** One authorization with its number in the stream and the truth about it. */
export type Authorized = {
  readonly event: Authorization;
  /** The digits that its event id ends in. */
  readonly number: string;
  readonly fraud: FraudScenario | null;
};

/** What comes of an authorization later: its reversal or clearing, and a dispute of it. All times are whole seconds. */
export function drawFollowUps(
  authorized: Authorized,
  random: RandomStream,
  parameters: SimulationParameters,
): SimulatedItem[] {
  const items: SimulatedItem[] = [];
  if (authorized.event.amountMinor > 0) {
    if (chance(random, parameters.reversalRate)) items.push(createReversal(authorized, random));
    else if (chance(random, parameters.clearingRate)) items.push(createClearing(authorized, random, parameters));
  }
  if (authorized.fraud !== null) {
    items.push(createDispute(authorized, 'fraud', parameters.fraudDisputeDelayMs));
  } else if (chance(random, parameters.friendlyDisputeRate)) {
    const delayMs = delayOf(random, { fromSeconds: 10 * daySeconds, toSeconds: 40 * daySeconds });
    items.push(createDispute(authorized, 'notReceived', delayMs));
  }
  return items;
}

function createReversal({ event, number }: Authorized, random: RandomStream): SimulatedItem {
  const delayMs = delayOf(random, { fromSeconds: 2 * minuteSeconds, toSeconds: 240 * minuteSeconds });
  return {
    topic: 'payments.reversal.v1',
    event: release(event, { eventId: `reversal-${number}`, delayMs, amountMinor: event.amountMinor }),
  };
}

function createClearing(
  { event, number }: Authorized,
  random: RandomStream,
  { partialClearingRate, overClearingRate }: SimulationParameters,
): SimulatedItem {
  const delayMs = delayOf(random, { fromSeconds: daySeconds, toSeconds: 3 * daySeconds });
  const draw = random();
  let amountMinor = event.amountMinor;
  if (draw < partialClearingRate) amountMinor = 1 + wholeBelow(random, Math.max(1, amountMinor - 1));
  else if (draw < partialClearingRate + overClearingRate) {
    amountMinor += Math.max(1, Math.round(amountMinor * uniform(random, { from: 0.05, to: 0.2 })));
  }
  return {
    topic: 'payments.clearing.v1',
    event: release(event, { eventId: `clearing-${number}`, delayMs, amountMinor }),
  };
}

function createDispute({ event, number }: Authorized, reason: 'fraud' | 'notReceived', delayMs: number): SimulatedItem {
  return {
    topic: 'payments.dispute.v1',
    event: {
      tenantId: event.tenantId,
      eventId: `dispute-${number}`,
      eventTimeMs: event.eventTimeMs + delayMs,
      accountId: event.accountId,
      authorizationId: event.eventId,
      reason,
    },
  };
}

function release(
  event: Authorization,
  {
    eventId,
    delayMs,
    amountMinor,
  }: { readonly eventId: string; readonly delayMs: number; readonly amountMinor: number },
): Clearing {
  return {
    tenantId: event.tenantId,
    eventId,
    eventTimeMs: event.eventTimeMs + delayMs,
    accountId: event.accountId,
    authorizationId: event.eventId,
    amountMinor,
    currency: event.currency,
  };
}

function delayOf(random: RandomStream, range: { readonly fromSeconds: number; readonly toSeconds: number }): number {
  return Math.floor(uniform(random, { from: range.fromSeconds, to: range.toSeconds + 1 })) * 1000;
}
