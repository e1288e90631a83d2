import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import { avg, count, countDistinct, defineFeatures, type EventTerms, max, sum } from '../../core/features/define.ts';

type Payment = EventTerms<Authorization, typeof authorizationContract.labels>;

/** Features by the account and the card alone, whose events lie in one partition. */
export default defineFeatures({
  name: 'account_features',
  version: 1,
  on: authorizationContract,
  features: ({ amountMinor, accountId, cardToken, merchantId }: Payment) => ({
    amount: amountMinor,
    account_count_1h: count().by(accountId).over('1h'),
    account_sum_1d: sum(amountMinor).by(accountId).over('1d'),
    account_avg_7d: avg(amountMinor).by(accountId).over('7d'),
    card_max_30d: max(amountMinor).by(cardToken).over('30d'),
    card_merchants_7d: countDistinct(merchantId).by(cardToken).over('7d'),
  }),
});
