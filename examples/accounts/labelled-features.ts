import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import {
  avg,
  count,
  countDistinct,
  defineFeatures,
  type EventTerms,
  max,
  sinceLastMs,
  sum,
  zScore,
  stddev,
} from '../../core/features/define.ts';

type Payment = EventTerms<Authorization, typeof authorizationContract.labels>;

/** Features of the account and the card, some of them over labels. */
export default defineFeatures({
  name: 'account_labels',
  version: 1,
  on: authorizationContract,
  features: ({ amountMinor, accountId, cardToken, merchantId, isFraud }: Payment) => ({
    amount: amountMinor,
    account_count_1h: count().by(accountId).over('1h'),
    account_sum_1d: sum(amountMinor).by(accountId).over('1d'),
    account_avg_7d: avg(amountMinor).by(accountId).over('7d'),
    z_score: zScore(amountMinor, {
      mean: avg(amountMinor).by(accountId).over('30d').excludingItself(),
      deviation: stddev(amountMinor).by(accountId).over('30d').excludingItself(),
    }),
    card_max_30d: max(amountMinor).by(cardToken).over('30d'),
    card_merchants_7d: countDistinct(merchantId).by(cardToken).over('7d'),
    since_last: sinceLastMs().by(cardToken).over('7d'),
    frauds: count().where(isFraud).by(accountId).over('30d').delayedBy('7d'),
  }),
});
