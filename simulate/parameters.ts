import { WeirError } from '../core/contract/failure.ts';

/** Every number of the simulated world of payments; two equal sets give the same bytes. */
export type SimulationParameters = {
  /** A whole number. */
  readonly seed: number;
  readonly tenantId: string;
  readonly currency: string;
  /** Midnight UTC of the first day. */
  readonly startTimeMs: number;
  /** May be Infinity. */
  readonly days: number;
  /** The stream has no authorization beyond this many; may be Infinity. */
  readonly authorizationsMax: number;
  readonly customers: number;
  readonly terminals: number;
  readonly terminalsPerMerchant: number;
  /** Customers and terminals lie on a square map with sides of this length. */
  readonly mapSize: number;
  /** A customer uses the terminals nearer than this, on the map. */
  readonly terminalDistanceMax: number;
  /** A customer's mean amount lies in [meanAmountMinorMin, meanAmountMinorMax). */
  readonly meanAmountMinorMin: number;
  readonly meanAmountMinorMax: number;
  /** The standard deviation of a customer's amounts, as a share of the mean. */
  readonly amountDeviationShare: number;
  /** A customer's mean number of payments a day lies in [0, paymentsPerDayMax). */
  readonly paymentsPerDayMax: number;
  readonly daySecondsMean: number;
  readonly daySecondsDeviation: number;
  readonly secondCardRate: number;
  /** Share of online payments that name the device. */
  readonly deviceRate: number;
  /** A payment above this amount is a fraud. */
  readonly fraudAmountMinorMin: number;
  readonly compromisedTerminalsPerDay: number;
  readonly compromisedTerminalDays: number;
  readonly compromisedCustomersPerDay: number;
  readonly compromisedCustomerDays: number;
  /** Of the compromised customer's payments, one in so many is a fraud. */
  readonly compromisedCustomerOneIn: number;
  readonly compromisedCustomerAmountFactor: number;
  /** The shares below are of all payments with an amount; a reversed payment is not cleared. */
  readonly reversalRate: number;
  readonly clearingRate: number;
  /** Shares of the clearings. */
  readonly partialClearingRate: number;
  readonly overClearingRate: number;
  /** Every fraud is disputed exactly this long after the payment. */
  readonly fraudDisputeDelayMs: number;
  /** Share of the honest payments that are disputed as not received. */
  readonly friendlyDisputeRate: number;
};

/** The world of the project's own benchmark: 5,000 customers and 10,000 terminals over 183 days. */
export const defaultParameters: SimulationParameters = {
  seed: 1,
  tenantId: 'demo',
  currency: 'EUR',
  startTimeMs: Date.UTC(2026, 0, 1),
  days: 183,
  authorizationsMax: Infinity,
  customers: 5000,
  terminals: 10_000,
  terminalsPerMerchant: 3,
  mapSize: 100,
  terminalDistanceMax: 5,
  meanAmountMinorMin: 500,
  meanAmountMinorMax: 10_000,
  amountDeviationShare: 0.5,
  paymentsPerDayMax: 4,
  daySecondsMean: 43_200,
  daySecondsDeviation: 20_000,
  secondCardRate: 0.3,
  deviceRate: 0.7,
  fraudAmountMinorMin: 22_000,
  compromisedTerminalsPerDay: 2,
  compromisedTerminalDays: 28,
  compromisedCustomersPerDay: 3,
  compromisedCustomerDays: 14,
  compromisedCustomerOneIn: 3,
  compromisedCustomerAmountFactor: 5,
  reversalRate: 0.02,
  clearingRate: 0.85,
  partialClearingRate: 0.05,
  overClearingRate: 0.01,
  fraudDisputeDelayMs: 7 * 86_400_000,
  friendlyDisputeRate: 0.0005,
};

const mayBeEndless: ReadonlySet<string> = new Set(['days', 'authorizationsMax']);
const aboveZero: ReadonlySet<string> = new Set([
  'customers',
  'terminals',
  'terminalsPerMerchant',
  'mapSize',
  'terminalDistanceMax',
  'compromisedCustomerOneIn',
]);
const whole: ReadonlySet<string> = new Set([
  'seed',
  'startTimeMs',
  'days',
  'authorizationsMax',
  'customers',
  'terminals',
  'terminalsPerMerchant',
  'compromisedTerminalsPerDay',
  'compromisedTerminalDays',
  'compromisedCustomersPerDay',
  'compromisedCustomerDays',
  'compromisedCustomerOneIn',
  'compromisedCustomerAmountFactor',
  'fraudDisputeDelayMs',
]);

/** Throws a `WeirError` that names the first number that cannot be: negative, not finite, broken, or 0 where one is needed. */
export function checkParameters(parameters: SimulationParameters): void {
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value !== 'number' || (value === Infinity && mayBeEndless.has(name))) continue;
    const isLargeEnough = name === 'seed' || (aboveZero.has(name) ? value > 0 : value >= 0);
    const isExact = whole.has(name) ? Number.isSafeInteger(value) : Number.isFinite(value);
    if (isLargeEnough && isExact) continue;
    const kind = whole.has(name) ? 'a whole number' : 'a number';
    const range = name === 'seed' ? '' : aboveZero.has(name) ? ' above 0' : ' of at least 0';
    throw new WeirError({
      code: 'BAD_SIMULATION_PARAMETER',
      message: `got ${name} ${value}, expected ${kind}${range}`,
      fix: `Give another value for ${name}.`,
      facts: { name, value },
    });
  }
}
