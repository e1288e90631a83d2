import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import {
  abs,
  avg,
  choose,
  count,
  countDistinct,
  dayOfWeek,
  defineFeatures,
  distanceKm,
  type EventTerms,
  first,
  hourOfDay,
  last,
  ln,
  max,
  median,
  min,
  share,
  sinceFirstMs,
  sinceLastMs,
  sqrt,
  stddev,
  sum,
  zScore,
} from '../../core/features/define.ts';
import type { BooleanTerm, Level, NumberTerm } from '../../core/features/term.ts';

/** The authorization's fields and label, as definitions name them. */
type Payment = EventTerms<Authorization, typeof authorizationContract.labels>;

/** Every aggregate, over windows so short that a hostile log crosses all their edges; no label. */
export const everyAggregate = defineFeatures({
  name: 'every_aggregate',
  version: 1,
  on: authorizationContract,
  features: (payment: Payment) => ({
    ...ofTheEvent(payment),
    ...running(payment),
    ...folding(payment),
    ...compared(payment),
  }),
});

/** Windows that read the label, beside some that share a key with them and do not. */
export const everyLabel = defineFeatures({
  name: 'every_label',
  version: 1,
  on: authorizationContract,
  features: (payment: Payment) => ({
    amount: payment.amountMinor,
    account_count: count().by(payment.accountId).over('60s'),
    terminal_count: count().by(payment.terminalId).over('60s'),
    merchant_sum: sum(payment.amountMinor).by(payment.merchantId).over('10m').excludingItself(),
    ...labelled(payment),
  }),
});

/** Aggregates over whole numbers by one key alone: nothing in them but counts and sums. */
export const nestedOnly = defineFeatures({
  name: 'nested_only',
  version: 1,
  on: authorizationContract,
  features: (payment: Payment) => ({
    amount: payment.amountMinor,
    card_count: count().by(payment.cardToken).over('10s'),
    card_sum: sum(payment.amountMinor).by(payment.cardToken).over('10s'),
  }),
});

function ofTheEvent(payment: Payment) {
  const amount = payment.amountMinor;
  return {
    amount,
    account_count: count().by(payment.accountId).over('10s'),
    units_root: sqrt(amount.dividedBy(100)),
    amount_log: ln(amount),
    hour: hourOfDay(payment.eventTimeMs),
    weekday: dayOfWeek(payment.eventTimeMs),
    is_remote: payment.channel.isOneOf(['ecommerce', 'moto']),
    no_device: payment.deviceId.isMissing().or(payment.country.equals('NL').not()),
  };
}

function running(payment: Payment) {
  const amount = payment.amountMinor;
  const { accountId, cardToken, terminalId, merchantId } = payment;
  return {
    account_sum: sum(amount).by(accountId).over('10s'),
    account_avg: avg(amount).by(accountId).over('60s'),
    account_min: min(amount).by(accountId).over('60s'),
    account_max: max(amount).by(accountId).over('60s'),
    card_deviation: stddev(amount).by(cardToken).over('60s'),
    card_merchants: countDistinct(merchantId).by(cardToken).over('60s'),
    card_amounts: countDistinct(amount).by(cardToken).over('10m'),
    card_second: count().by(cardToken).over('1s'),
    squares: sum(amount.times(amount)).by(terminalId).over('60s'),
    large_share: share(amount.above(1000)).by(terminalId).over('60s'),
    large_count: count().where(amount.above(1000)).by(terminalId).over('10s'),
    delayed_sum: sum(amount).by(merchantId).over('60s').delayedBy('10m'),
    delayed_min: min(amount).where(payment.channel.equals('atm').not()).by(merchantId).over('10m').delayedBy('5s'),
    device_count: count().by(payment.deviceId).over('60s'),
    device_avg: avg(amount.minus(500)).by(payment.deviceId).over('60s').orElse(-1),
  };
}

function folding(payment: Payment) {
  const amount = payment.amountMinor;
  const isLarge = amount.above(1000);
  const { accountId, cardToken, terminalId, merchantId } = payment;
  return {
    account_median: median(amount).by(accountId).over('60s'),
    other_median: median(amount).by(accountId).over('60s').excludingItself(),
    units_sum: sum(amount.dividedBy(100)).by(accountId).over('60s'),
    units_deviation: stddev(amount.dividedBy(100)).by(accountId).over('10s'),
    latitude_avg: avg(payment.location.latitude).by(cardToken).over('60s'),
    first_amount: first(amount).by(cardToken).over('10s'),
    last_amount: last(amount).by(cardToken).over('60s').excludingItself(),
    same_first_merchant: first(merchantId).by(cardToken).over('60s').equals(merchantId),
    same_last_country: last(payment.country).by(accountId).over('60s').excludingItself().equals(payment.country),
    no_last_device: last(payment.deviceId).by(accountId).over('10s').delayedBy('10s').isMissing(),
    since_first: sinceFirstMs().by(cardToken).over('10m'),
    since_last: sinceLastMs().by(payment.deviceId).over('60s'),
    since_large: sinceLastMs().where(isLarge).by(terminalId).over('10m'),
    run_count: count().by(accountId).sinceLast(isLarge).over('60s'),
    run_sum: sum(amount).where(payment.channel.equals('ecommerce')).by(cardToken).sinceLast(isLarge).over('10m'),
    run_others: count().by(terminalId).sinceLast(payment.deviceId.isMissing()).over('60s').excludingItself(),
    run_delayed: max(amount).by(merchantId).sinceLast(isLarge).over('60s').delayedBy('1m'),
  };
}

function compared(payment: Payment) {
  const amount = payment.amountMinor;
  const { accountId, cardToken } = payment;
  const normal = {
    mean: avg(amount).by(accountId).over('60s').excludingItself(),
    deviation: stddev(amount).by(accountId).over('60s').excludingItself(),
  };
  const lastPlace = {
    latitude: last(payment.location.latitude).by(cardToken).over('10m').excludingItself(),
    longitude: last(payment.location.longitude).by(cardToken).over('10m').excludingItself(),
  };
  return {
    z_score: zScore(amount, normal),
    ratio: amount.dividedBy(median(amount).by(accountId).over('10m')),
    distance: distanceKm(payment.location, lastPlace),
    distance_known: abs(distanceKm(lastPlace, payment.location).orElse(-1)),
    above_normal: whereTrue(amount.above(normal.mean), amount.minus(normal.mean)),
    within: amount.atLeast(normal.mean).and(amount.atMost(normal.mean.plus(normal.deviation).plus(1))),
    below_or_equal: amount.below(normal.mean).or(amount.equals(normal.mean)),
  };
}

function labelled(payment: Payment) {
  const amount = payment.amountMinor;
  const { accountId, terminalId, merchantId } = payment;
  const { isFraud } = payment;
  const fraudAmount = whereTrue(isFraud, amount);
  return {
    fraud_rate: share(isFraud).by(terminalId).over('1d').delayedBy('7d').orElse(0),
    fraud_count: count().where(isFraud).by(terminalId).over('10m').delayedBy('7d'),
    fraud_max: max(fraudAmount).by(terminalId).over('1d').delayedBy('7d'),
    fraud_min: min(fraudAmount).by(terminalId).over('10m').delayedBy('7d'),
    fraud_deviation: stddev(fraudAmount).by(terminalId).over('6h').delayedBy('7d'),
    fraud_amounts: countDistinct(fraudAmount).by(terminalId).over('1d').delayedBy('7d'),
    since_fraud: sinceLastMs().where(isFraud).by(terminalId).over('1d').delayedBy('7d'),
    good_run: count().by(terminalId).sinceLast(isFraud).over('1d').delayedBy('7d'),
    merchant_fraud: sum(fraudAmount).by(merchantId).over('6h').delayedBy('7d'),
    merchant_recent: count().by(merchantId).over('10m').delayedBy('7d'),
    account_fraud: max(whereTrue(isFraud.and(payment.channel.equals('atm').not()), 1))
      .by(accountId)
      .over('1d')
      .delayedBy('7d'),
  };
}

/** The value where the condition is true, and 0 where it is not. */
function whereTrue<L extends Level, K extends string>(
  condition: BooleanTerm<L, K>,
  value: NumberTerm<L, K> | number,
): NumberTerm<L, K> {
  return choose(condition, { ifTrue: value, ifNot: 0 });
}
