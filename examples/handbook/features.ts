import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import {
  avg,
  count,
  dayOfWeek,
  defineFeatures,
  type EventTerms,
  hourOfDay,
  share,
} from '../../core/features/define.ts';

/**
 * The 15 features of the Fraud-Detection-Handbook
 * (https://fraud-detection-handbook.github.io/fraud-detection-handbook/Chapter_3_GettingStarted/BaselineFeatureTransformation.html).
 * Labels are known 7 days late, so what is known of a terminal ends 7 days before the payment. Amounts are in units.
 */
export default defineFeatures({
  name: 'handbook',
  version: 1,
  on: authorizationContract,
  features: bookFeatures,
});

/** The authorization's fields and label, as definitions name them. */
export type Payment = EventTerms<Authorization, typeof authorizationContract.labels>;

/** The book's features, for definitions that go on from them. */
export function bookFeatures(payment: Payment) {
  const amount = payment.amountMinor.dividedBy(100);
  const averageAmount = avg(payment.amountMinor).by(payment.accountId);
  const customerCount = count().by(payment.accountId);
  const terminalCount = count().by(payment.terminalId);
  const terminalFraudRate = share(payment.isFraud).by(payment.terminalId);
  return {
    amount,
    weekend: dayOfWeek(payment.eventTimeMs).atLeast(6),
    night: hourOfDay(payment.eventTimeMs).atMost(6),
    customer_count_1d: customerCount.over('1d'),
    customer_avg_amount_1d: averageAmount.over('1d').dividedBy(100),
    customer_count_7d: customerCount.over('7d'),
    customer_avg_amount_7d: averageAmount.over('7d').dividedBy(100),
    customer_count_30d: customerCount.over('30d'),
    customer_avg_amount_30d: averageAmount.over('30d').dividedBy(100),
    terminal_count_1d: terminalCount.over('1d').delayedBy('7d'),
    terminal_fraud_rate_1d: terminalFraudRate.over('1d').delayedBy('7d').orElse(0),
    terminal_count_7d: terminalCount.over('7d').delayedBy('7d'),
    terminal_fraud_rate_7d: terminalFraudRate.over('7d').delayedBy('7d').orElse(0),
    terminal_count_30d: terminalCount.over('30d').delayedBy('7d'),
    terminal_fraud_rate_30d: terminalFraudRate.over('30d').delayedBy('7d').orElse(0),
  };
}
