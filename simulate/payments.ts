import type { Authorization } from '../core/contract/authorization.ts';
import { drawDay, drawPayments, type Payment } from './day.ts';
import { drawFollowUps, type Authorized } from './follow-ups.ts';
import { createFraudPlan, markFrauds, planCompromises } from './frauds.ts';
import type { SimulatedItem } from './item.ts';
import { checkParameters, defaultParameters, type SimulationParameters } from './parameters.ts';
import { chance, openStream, wholeBelow, type RandomStream } from './random.ts';
import { createWorld, type World } from './world.ts';

const dayMs = 86_400_000;

/**
 * Card payments with their frauds, clearings, reversals and disputes, by event time; at the same time disputes come
 * first, then reversals, clearings and authorizations, each by event id. After the last authorization (the end of the
 * days, or `authorizationsMax`) what is still to come of the earlier ones follows. Holds one day and the pending
 * follow-ups in memory. Throws a `WeirError` for parameters that make no sense.
 */
export function* simulatePayments(changes: Partial<SimulationParameters> = {}): Generator<SimulatedItem> {
  const parameters = { ...defaultParameters, ...changes };
  checkParameters(parameters);
  const { days, authorizationsMax } = parameters;
  const simulation: Simulation = { parameters, world: createWorld(parameters), pending: new Map() };
  const plan = createFraudPlan(parameters);
  let authorizations = 0;
  for (let day = 0; day < days && authorizations < authorizationsMax; day += 1) {
    planCompromises(plan, day, (customer, paymentDay) => countPayments(simulation, customer, paymentDay));
    const payments = drawDay(simulation.world.customers, day, parameters);
    markFrauds(payments, day, plan);
    const kept = payments.slice(0, authorizationsMax - authorizations);
    scheduleDay(simulation, kept, { day, authorizations });
    authorizations += kept.length;
    yield* takeDay(simulation, day);
  }
  for (const day of [...simulation.pending.keys()].sort((left, right) => left - right)) {
    yield* takeDay(simulation, day);
  }
}

type Simulation = {
  readonly parameters: SimulationParameters;
  readonly world: World;
  /** Items by the day of their event time, unsorted. */
  readonly pending: Map<number, SimulatedItem[]>;
};

function countPayments({ world, parameters }: Simulation, customer: number, day: number): number {
  const found = world.customers[customer];
  return found === undefined ? 0 : drawPayments(found, day, parameters).length;
}

/** Adds a day's payments, numbered in order, and what comes of them to the pending items. */
function scheduleDay(
  simulation: Simulation,
  payments: readonly Payment[],
  { day, authorizations }: { readonly day: number; readonly authorizations: number },
): void {
  const { parameters } = simulation;
  const details = openStream({ seed: parameters.seed, name: 'details', indexes: [day] });
  const followUps = openStream({ seed: parameters.seed, name: 'followUps', indexes: [day] });
  for (const [index, payment] of payments.entries()) {
    const number = String(authorizations + index + 1).padStart(8, '0');
    const event = createAuthorization({ simulation, payment, number, day }, details);
    const authorized: Authorized = { event, number, fraud: payment.fraud };
    const topic = 'payments.authorization.v1';
    schedule(simulation, payment.fraud === null ? { topic, event } : { topic, event, fraud: payment.fraud });
    for (const item of drawFollowUps(authorized, followUps, parameters)) schedule(simulation, item);
  }
}

type Placed = {
  readonly simulation: Simulation;
  readonly payment: Payment;
  readonly number: string;
  readonly day: number;
};

function createAuthorization({ simulation, payment, number, day }: Placed, random: RandomStream): Authorization {
  const { parameters, world } = simulation;
  const customer = world.customers[payment.customer];
  const terminal = world.terminals[payment.terminal];
  if (customer === undefined || terminal === undefined) throw new Error(`got payment ${number} of an unknown world`);
  const card = wholeBelow(random, customer.cardTokens.length);
  const hasDevice = terminal.channel === 'ecommerce' && chance(random, parameters.deviceRate);
  return {
    tenantId: parameters.tenantId,
    eventId: `tx-${number}`,
    eventTimeMs: parameters.startTimeMs + day * dayMs + payment.daySeconds * 1000,
    accountId: customer.accountId,
    cardToken: customer.cardTokens[card] ?? '',
    merchantId: terminal.merchantId,
    terminalId: terminal.terminalId,
    amountMinor: payment.amountMinor,
    currency: parameters.currency,
    channel: terminal.channel,
    entryMode: terminal.entryMode,
    mcc: terminal.mcc,
    country: terminal.country,
    ...(terminal.location === undefined ? {} : { location: terminal.location }),
    ...(hasDevice ? { deviceId: customer.accountId.replace('acct', 'device') } : {}),
  };
}

function schedule({ pending, parameters }: Simulation, item: SimulatedItem): void {
  const day = Math.floor((item.event.eventTimeMs - parameters.startTimeMs) / dayMs);
  const items = pending.get(day);
  if (items === undefined) pending.set(day, [item]);
  else items.push(item);
}

function takeDay({ pending }: Simulation, day: number): readonly SimulatedItem[] {
  const items = pending.get(day) ?? [];
  pending.delete(day);
  return items.sort(compareItems);
}

const ranks: Readonly<Record<SimulatedItem['topic'], number>> = {
  'payments.dispute.v1': 0,
  'payments.reversal.v1': 1,
  'payments.clearing.v1': 2,
  'payments.authorization.v1': 3,
};

function compareItems(left: SimulatedItem, right: SimulatedItem): number {
  const byTime = left.event.eventTimeMs - right.event.eventTimeMs;
  if (byTime !== 0) return byTime;
  const byRank = ranks[left.topic] - ranks[right.topic];
  if (byRank !== 0) return byRank;
  return left.event.eventId < right.event.eventId ? -1 : 1;
}
