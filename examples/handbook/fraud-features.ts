import { authorizationContract } from '../../core/contract/authorization.ts';
import { avg, count, countDistinct, defineFeatures, max, median, min } from '../../core/features/define.ts';
import { sinceFirstMs, sinceLastMs, stddev, zScore } from '../../core/features/define.ts';
import { bookFeatures, type Payment } from './features.ts';

const dayMs = 86_400_000;

/**
 * The features of the shipped model: the handbook's 15 (see `features.ts`), and 18 that say how a payment stands beside
 * the customer's own past and how far the frauds that are known of a terminal go. What reads a label ends 7 days before
 * the payment, when labels are known. Amounts are in units; a feature without anything to look at is missing.
 */
export default defineFeatures({
  name: 'weir_fraud',
  version: 1,
  on: authorizationContract,
  features: (payment) => ({ ...bookFeatures(payment), ...customerFeatures(payment), ...terminalFeatures(payment) }),
});

/** How a payment stands beside the customer's own past, all of it and what is known as genuine. */
function customerFeatures({ amountMinor, accountId, isFraud }: Payment) {
  const isGenuine = isFraud.not();
  const averageAmount = avg(amountMinor).by(accountId);
  const highestAmount = max(amountMinor).by(accountId);
  const medianBefore = median(amountMinor).by(accountId).over('30d').excludingItself();
  const averageBefore = averageAmount.over('30d').excludingItself();
  const deviationBefore = stddev(amountMinor).by(accountId).over('30d').excludingItself();
  const highestBefore = highestAmount.over('30d').excludingItself();
  const genuineAverage = avg(amountMinor).where(isGenuine).by(accountId).over('60d').delayedBy('7d');
  const genuineDeviation = stddev(amountMinor).where(isGenuine).by(accountId).over('60d').delayedBy('7d');
  const genuineHighest = max(amountMinor).where(isGenuine).by(accountId).over('60d').delayedBy('7d');
  return {
    customer_median_amount_30d: medianBefore.dividedBy(100),
    amount_over_median_30d: amountMinor.dividedBy(medianBefore),
    amount_over_avg_30d: amountMinor.dividedBy(averageBefore),
    amount_z_score_30d: zScore(amountMinor, { mean: averageBefore, deviation: deviationBefore }),
    amount_over_max_30d: amountMinor.dividedBy(highestBefore),
    amount_over_genuine_avg_60d: amountMinor.dividedBy(genuineAverage),
    amount_z_score_genuine_60d: zScore(amountMinor, { mean: genuineAverage, deviation: genuineDeviation }),
    // How far the customer's days that nobody has judged yet stand out from those that are known as genuine.
    customer_max_7d_over_genuine_max: highestAmount.over('7d').excludingItself().dividedBy(genuineHighest),
    customer_avg_14d_over_genuine_avg: averageAmount.over('14d').excludingItself().dividedBy(genuineAverage),
    customer_last_payment_age_seconds: sinceLastMs().by(accountId).over('30d').dividedBy(1000),
  };
}

/** How far the frauds that are known of a terminal go. */
function terminalFeatures({ amountMinor, accountId, terminalId, isFraud }: Payment) {
  const isGenuine = isFraud.not();
  const terminalCount = count().by(terminalId);
  const firstFraudMs = sinceFirstMs().where(isFraud).by(terminalId).over('43d').delayedBy('7d');
  const lastFraudMs = sinceLastMs().where(isFraud).by(terminalId).over('43d').delayedBy('7d');
  const lastGenuineMs = sinceLastMs().where(isGenuine).by(terminalId).over('43d').delayedBy('7d');
  const fraudAmount = min(amountMinor).where(isFraud).by(terminalId).over('14d').delayedBy('7d');
  return {
    terminal_first_fraud_age_days: firstFraudMs.dividedBy(dayMs),
    terminal_last_fraud_age_days: lastFraudMs.dividedBy(dayMs),
    terminal_last_genuine_age_days: lastGenuineMs.dividedBy(dayMs),
    terminal_fraud_count_43d: count().where(isFraud).by(terminalId).over('43d').delayedBy('7d'),
    terminal_frauds_in_a_row: terminalCount.sinceLast(isGenuine).over('43d').delayedBy('7d'),
    terminal_genuine_in_a_row: terminalCount.sinceLast(isFraud).over('43d').delayedBy('7d'),
    // A cheap fraud, or frauds of several customers, speak of the terminal; a dear one of a single card may not.
    terminal_min_fraud_amount_14d: fraudAmount.dividedBy(100),
    terminal_fraud_customers_14d: countDistinct(accountId).where(isFraud).by(terminalId).over('14d').delayedBy('7d'),
  };
}
