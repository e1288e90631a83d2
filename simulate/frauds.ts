import type { Payment } from './day.ts';
import type { SimulationParameters } from './parameters.ts';
import { openStream, pickDistinct } from './random.ts';

/**
 * Marks a day's payments by the scenarios, in this order: the amount; the terminal, compromised on this day or one of
 * those before; the customer, whose share of payments `plan` has chosen. Payments are changed in place.
 */
export function markFrauds(payments: readonly Payment[], day: number, plan: FraudPlan): void {
  const { parameters, chosen } = plan;
  const terminals = findCompromisedTerminals(day, parameters);
  const chosenToday = chosen.get(day);
  for (const payment of payments) {
    if (payment.amountMinor > parameters.fraudAmountMinorMin) payment.fraud = 'highAmount';
    if (terminals.has(payment.terminal)) payment.fraud = 'compromisedTerminal';
    const times = chosenToday?.get(paymentKey(payment.customer, payment.drawn)) ?? 0;
    if (times === 0) continue;
    payment.fraud = 'compromisedCustomer';
    for (let time = 0; time < times; time += 1) payment.amountMinor *= parameters.compromisedCustomerAmountFactor;
  }
  chosen.delete(day);
}

/** Which payments of compromised customers are frauds: by day, the payment's key and how often it was chosen. */
export type FraudPlan = {
  readonly parameters: SimulationParameters;
  readonly chosen: Map<number, Map<string, number>>;
};

/** A plan for the days still to come; it holds at most `compromisedCustomerDays` of them. */
export function createFraudPlan(parameters: SimulationParameters): FraudPlan {
  return { parameters, chosen: new Map() };
}

/** How many payments a customer makes on a day, known ahead because the draw is a pure function. */
export type CountPayments = (customer: number, day: number) => number;

/**
 * Compromises this day's random customers: of each one's payments from this day on, for the days of the scenario, one
 * in so many (rounded down) is chosen. To be called once a day, in order, before the day is marked.
 */
export function planCompromises(plan: FraudPlan, day: number, countPayments: CountPayments): void {
  const { seed, days, customers, ...rest } = plan.parameters;
  const random = openStream({ seed, name: 'compromisedCustomers', indexes: [day] });
  const endDay = Math.min(day + rest.compromisedCustomerDays, days);
  for (const customer of pickDistinct(random, { count: rest.compromisedCustomersPerDay, total: customers })) {
    const payments: { readonly day: number; readonly key: string }[] = [];
    for (let paymentDay = day; paymentDay < endDay; paymentDay += 1) {
      const count = countPayments(customer, paymentDay);
      for (let drawn = 0; drawn < count; drawn += 1) {
        payments.push({ day: paymentDay, key: paymentKey(customer, drawn) });
      }
    }
    const count = Math.floor(payments.length / rest.compromisedCustomerOneIn);
    for (const index of pickDistinct(random, { count, total: payments.length })) {
      const payment = payments[index];
      if (payment !== undefined) choosePayment(plan, payment);
    }
  }
}

function choosePayment({ chosen }: FraudPlan, { day, key }: { readonly day: number; readonly key: string }): void {
  let ofDay = chosen.get(day);
  if (ofDay === undefined) chosen.set(day, (ofDay = new Map<string, number>()));
  ofDay.set(key, (ofDay.get(key) ?? 0) + 1);
}

function paymentKey(customer: number, drawn: number): string {
  return `${customer}/${drawn}`;
}

function findCompromisedTerminals(day: number, parameters: SimulationParameters): ReadonlySet<number> {
  const { seed, compromisedTerminalsPerDay: count, terminals: total } = parameters;
  const found = new Set<number>();
  for (let since = Math.max(0, day - parameters.compromisedTerminalDays + 1); since <= day; since += 1) {
    const random = openStream({ seed, name: 'compromisedTerminals', indexes: [since] });
    for (const terminal of pickDistinct(random, { count, total })) found.add(terminal);
  }
  return found;
}
