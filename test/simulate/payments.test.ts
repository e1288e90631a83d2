import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { inputContracts } from '../../core/contract/contracts.ts';
import type { SimulatedItem } from '../../simulate/item.ts';
import { serialise, serialiseLine } from '../../simulate/item.ts';
import { defaultParameters, type SimulationParameters } from '../../simulate/parameters.ts';
import { simulatePayments } from '../../simulate/payments.ts';
import { createWorld } from '../../simulate/world.ts';

const small = { customers: 200, terminals: 400, terminalDistanceMax: 8, days: 20 };
/** A tenth of the default world with as many terminals within reach of a customer. */
const tenth = { customers: 500, terminals: 1000, terminalDistanceMax: 5 * Math.sqrt(10), days: 60 };

function simulate(changes: Partial<SimulationParameters>): SimulatedItem[] {
  return [...simulatePayments(changes)];
}

function hashOf(items: Iterable<SimulatedItem>): string {
  const hash = createHash('sha256');
  for (const item of items) hash.update(serialiseLine(item)).update('\n');
  return hash.digest('hex');
}

type AuthorizationItem = Extract<SimulatedItem, { topic: 'payments.authorization.v1' }>;

function authorizationsOf(items: readonly SimulatedItem[]): AuthorizationItem[] {
  return items.filter((item) => item.topic === 'payments.authorization.v1');
}

describe('the simulated stream', () => {
  test('has these bytes for seed 1 on every machine', () => {
    expect(hashOf(simulatePayments({ ...small, seed: 1 }))).toBe(goldenHash);
  });

  test('differs with the seed', () => {
    expect(hashOf(simulatePayments({ ...small, seed: 2 }))).not.toBe(goldenHash);
  });

  test('is ordered by time, then disputes, reversals, clearings and authorizations, then id', () => {
    const order = ['dispute', 'reversal', 'clearing', 'authorization'];
    const keys = simulate({ ...small, days: 40 }).map(({ topic, event }) => {
      const rank = order.indexOf(topic.split('.')[1] ?? '');
      return `${event.eventTimeMs}/${rank}/${event.eventId}`;
    });
    expect(keys.length).toBeGreaterThan(10_000);
    expect(keys).toEqual([...keys].sort());
  });

  test('holds only events of the contracts, each id once', () => {
    const items = simulate(small);
    for (const { topic, event } of items) {
      const result = inputContracts.get(topic)?.schema.safeParse(event);
      expect(result?.success, JSON.stringify(event)).toBe(true);
    }
    expect(new Set(items.map(({ event }) => event.eventId)).size).toBe(items.length);
    expect(new Set(items.map(({ topic }) => topic)).size).toBe(4);
  });

  test('stops after exactly so many authorizations, with what comes of them', () => {
    const whole = simulate(small);
    const cut = simulate({ ...small, authorizationsMax: 1000 });
    const ids = authorizationsOf(cut).map(({ event }) => event.eventId);
    expect(ids).toHaveLength(1000);
    expect(ids).toEqual(
      authorizationsOf(whole)
        .map(({ event }) => event.eventId)
        .slice(0, 1000),
    );
    const ofThem = whole.filter(({ event }) =>
      ids.includes('authorizationId' in event ? event.authorizationId : event.eventId),
    );
    expect(cut.map(serialiseLine)).toEqual(ofThem.map(serialiseLine));
  });

  test('goes on for ever when the days are endless', () => {
    const stream = simulatePayments({ ...small, days: Infinity });
    let last = 0;
    for (let count = 0; count < 30_000; count += 1) last = stream.next().value?.event.eventTimeMs ?? 0;
    expect(last).toBeGreaterThan(defaultParameters.startTimeMs + 20 * 86_400_000);
  });

  test('refuses numbers that make no sense, by name', () => {
    expect(() => simulate({ customers: 0 })).toThrow('got customers 0, expected a whole number above 0');
    expect(() => simulate({ clearingRate: -1 })).toThrow('got clearingRate -1');
    expect(() => simulate({ seed: 0.5 })).toThrow('got seed 0.5, expected a whole number');
    expect(() => simulate({ days: Number.NaN })).toThrow('got days NaN');
  });

  test('serialises an event alone as the JSON of its fields in order', () => {
    const [item] = authorizationsOf(simulate({ ...small, authorizationsMax: 1 }));
    const text = Buffer.from(item === undefined ? [] : serialise(item)).toString();
    expect(text).toMatch(/^\{"tenantId":"demo","eventId":"tx-00000001","eventTimeMs":\d+,"accountId":"acct-/);
    expect(authorizationContract.schema.parse(JSON.parse(text))).toEqual(item?.event);
  });
});

describe('the frauds', () => {
  const items = simulate(tenth);
  const payments = authorizationsOf(items);
  const frauds = payments.filter(({ fraud }) => fraud !== undefined);

  test('a customer pays as often a day as the description says', () => {
    const perCustomerDay = payments.length / (tenth.customers * tenth.days);
    // U(0,4) has the mean 2; N(43200, 20000) falls inside the day in 96.9 %.
    expect(perCustomerDay).toBeGreaterThan(1.8);
    expect(perCustomerDay).toBeLessThan(2.08);
  });

  test('amounts have the mean of the customers and go below 0 never', () => {
    const honest = payments.filter(({ fraud }) => fraud === undefined).map(({ event }) => event.amountMinor);
    const mean = honest.reduce((sum, amount) => sum + amount, 0) / honest.length;
    expect(mean).toBeGreaterThan(4900);
    expect(mean).toBeLessThan(5800);
    expect(Math.min(...honest)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...honest)).toBeLessThanOrEqual(22_000);
  });

  test('every payment above the limit is a fraud, and of the first scenario unless a later one took it', () => {
    const above = payments.filter(({ event }) => event.amountMinor > 22_000);
    expect(above.length).toBeGreaterThan(20);
    expect(above.every(({ fraud }) => fraud !== undefined)).toBe(true);
    expect(frauds.filter(({ fraud }) => fraud === 'highAmount').every(({ event }) => event.amountMinor > 22_000)).toBe(
      true,
    );
  });

  test('two terminals a day begin to defraud all their payments, and go on for 28 days', () => {
    const days = new Map<string, Set<number>>();
    const dayOf = (timeMs: number): number => Math.floor((timeMs - defaultParameters.startTimeMs) / 86_400_000);
    for (const { event, fraud } of frauds) {
      if (fraud !== 'compromisedTerminal') continue;
      const ofTerminal = days.get(event.terminalId) ?? new Set();
      days.set(event.terminalId, ofTerminal.add(dayOf(event.eventTimeMs)));
    }
    expect(days.size).toBeGreaterThan(tenth.days * 2 * 0.8);
    expect(days.size).toBeLessThanOrEqual(tenth.days * 2);
    const honestDays = payments.filter(
      ({ event, fraud }) => fraud === undefined && days.get(event.terminalId)?.has(dayOf(event.eventTimeMs)),
    );
    expect(honestDays).toEqual([]);
    const spans = [...days.values()].filter((ofTerminal) => Math.min(...ofTerminal) < 30);
    const lengths = spans.map((ofTerminal) => Math.max(...ofTerminal) - Math.min(...ofTerminal) + 1);
    const medianDays = lengths.toSorted((left, right) => left - right)[Math.floor(lengths.length / 2)];
    // From the first to the last fraud: 28 days, less those at either end without a payment.
    expect(medianDays).toBeGreaterThanOrEqual(26);
    expect(medianDays).toBeLessThanOrEqual(28);
  });

  test('a compromised customer loses a third of 14 days of payments, at five times the amount', () => {
    const taken = frauds.filter(({ fraud }) => fraud === 'compromisedCustomer');
    // 3 customers a day x 14 days x 1.94 payments a day, a third of them, rounded down a customer.
    const expected = (tenth.days - 7) * 3 * ((14 * 1.94) / 3 - 0.33);
    expect(taken.length / expected).toBeGreaterThan(0.75);
    expect(taken.length / expected).toBeLessThan(1.1);
    expect(taken.every(({ event }) => event.amountMinor % 5 === 0)).toBe(true);
  });

  test('each fraud has one dispute, exactly seven days later', () => {
    const disputes = items.filter((item) => item.topic === 'payments.dispute.v1');
    const byFraud = disputes.filter(({ event }) => event.reason === 'fraud');
    const expected = frauds.map(({ event }) => `${event.eventId}/${event.eventTimeMs + 7 * 86_400_000}`);
    expect(byFraud.map(({ event }) => `${event.authorizationId}/${event.eventTimeMs}`)).toEqual(expected);
    expect(disputes.length).toBeGreaterThan(byFraud.length);
  });
});

describe('follow-ups', () => {
  const items = simulate({ ...tenth, days: 30 });
  const amounts = new Map(authorizationsOf(items).map(({ event }) => [event.eventId, event]));

  test('85 % of the payments that are not reversed are cleared, 5 % of those in part and 1 % for more', () => {
    const clearings = items.filter((item) => item.topic === 'payments.clearing.v1').map(({ event }) => event);
    const reversals = items.filter((item) => item.topic === 'payments.reversal.v1');
    expect(reversals.length / amounts.size).toBeCloseTo(0.02, 2);
    expect(clearings.length / (amounts.size - reversals.length)).toBeCloseTo(0.85, 1);
    const amountOf = (id: string): number => amounts.get(id)?.amountMinor ?? Number.NaN;
    const partial = clearings.filter((event) => event.amountMinor < amountOf(event.authorizationId));
    const over = clearings.filter((event) => event.amountMinor > amountOf(event.authorizationId));
    expect(partial.length / clearings.length).toBeCloseTo(0.05, 2);
    expect(over.length / clearings.length).toBeCloseTo(0.01, 2);
    for (const event of clearings) {
      const delayMs = event.eventTimeMs - (amounts.get(event.authorizationId)?.eventTimeMs ?? 0);
      expect(delayMs).toBeGreaterThanOrEqual(86_400_000);
      expect(delayMs).toBeLessThanOrEqual(3 * 86_400_000);
    }
  });

  test('a payment is reversed or cleared, never both', () => {
    const ended = items.flatMap(({ topic, event }) =>
      topic !== 'payments.dispute.v1' && 'authorizationId' in event ? [event.authorizationId] : [],
    );
    expect(new Set(ended).size).toBe(ended.length);
    expect(ended.length).toBeGreaterThan(20_000);
  });
});

describe('the world', () => {
  test('a customer uses exactly the terminals nearer than the reach', () => {
    const world = createWorld({ ...defaultParameters, customers: 100, terminals: 500 });
    const reached = world.customers.reduce((sum, { terminals }) => sum + terminals.length, 0) / 100;
    // 500 terminals x pi x 25 / 10,000, less what lies outside the map.
    expect(reached).toBeGreaterThan(3);
    expect(reached).toBeLessThan(4.2);
    const wide = createWorld({ ...defaultParameters, customers: 20, terminals: 300, terminalDistanceMax: 150 });
    expect(wide.customers.map(({ terminals }) => terminals.length)).toEqual(new Array(20).fill(300));
  });

  test('customers stay the same when there are more of them', () => {
    const few = createWorld({ ...defaultParameters, customers: 10, terminals: 100 });
    const many = createWorld({ ...defaultParameters, customers: 20, terminals: 100 });
    expect(many.customers.slice(0, 10)).toEqual(few.customers);
  });

  test('a merchant owns a few terminals with one channel and category', () => {
    const { terminals } = createWorld({ ...defaultParameters, terminals: 300 });
    const shops = Map.groupBy(terminals, ({ merchantId }) => merchantId);
    expect(shops.size).toBe(100);
    for (const shop of shops.values()) expect(new Set(shop.map(({ channel, mcc }) => channel + mcc)).size).toBe(1);
  });
});

const goldenHash = 'a7e03805dd703c299375173696795b3e2a00759d192ced43be8b161f5fff00a0';
