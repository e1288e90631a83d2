import type { FraudScenario } from './item.ts';
import type { SimulationParameters } from './parameters.ts';
import { normal, openStream, poisson, uniform, wholeBelow } from './random.ts';
import type { Customer } from './world.ts';

/** A payment as drawn, before it is an event. */
export type Payment = {
  /** The customer's index. */
  readonly customer: number;
  /** The terminal's index. */
  readonly terminal: number;
  /** The place among the customer's payments of the day, in the order drawn. */
  readonly drawn: number;
  /** Since midnight. */
  readonly daySeconds: number;
  amountMinor: number;
  fraud: FraudScenario | null;
};

/** A customer's payments on one day, in the order drawn: a pure function of the seed, the customer and the day. */
export function drawPayments(customer: Customer, day: number, parameters: SimulationParameters): Payment[] {
  const payments: Payment[] = [];
  if (customer.terminals.length === 0) return payments;
  const random = openStream({ seed: parameters.seed, name: 'payments', indexes: [customer.index, day] });
  const mean = customer.meanAmountMinor;
  const deviation = mean * parameters.amountDeviationShare;
  const count = poisson(random, customer.paymentsPerDay);
  for (let attempt = 0; attempt < count; attempt += 1) {
    const daySeconds = Math.trunc(
      normal(random, { mean: parameters.daySecondsMean, deviation: parameters.daySecondsDeviation }),
    );
    if (daySeconds <= 0 || daySeconds >= 86_400) continue;
    let amountMinor = normal(random, { mean, deviation });
    if (amountMinor < 0) amountMinor = uniform(random, { from: 0, to: 2 * mean });
    payments.push({
      customer: customer.index,
      terminal: customer.terminals[wholeBelow(random, customer.terminals.length)] ?? 0,
      drawn: payments.length,
      daySeconds,
      amountMinor: Math.round(amountMinor),
      fraud: null,
    });
  }
  return payments;
}

/** All customers' payments of one day, by time, then customer, then the order drawn. */
export function drawDay(customers: readonly Customer[], day: number, parameters: SimulationParameters): Payment[] {
  const payments: Payment[] = [];
  for (const customer of customers) payments.push(...drawPayments(customer, day, parameters));
  return payments.sort(
    (left, right) => left.daySeconds - right.daySeconds || left.customer - right.customer || left.drawn - right.drawn,
  );
}
