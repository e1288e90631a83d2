import { type Authorization, authorizationContract } from '../../core/contract/authorization.ts';
import { count, defineFeatures, type EventTerms, max, sum } from '../../core/features/define.ts';

type Payment = EventTerms<Authorization, typeof authorizationContract.labels>;

/** One window, of the card, as every engine of streams has it. */
export default defineFeatures({
  name: 'card_hour_features',
  version: 1,
  on: authorizationContract,
  features: ({ amountMinor, cardToken }: Payment) => ({
    amount: amountMinor,
    card_count_1h: count().by(cardToken).over('1h'),
    card_sum_1h: sum(amountMinor).by(cardToken).over('1h'),
    card_max_1h: max(amountMinor).by(cardToken).over('1h'),
  }),
});
