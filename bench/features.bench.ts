import { authorizationContract } from '../core/contract/authorization.ts';
import { count, countDistinct, defineFeatures, max, sum } from '../core/features/define.ts';
import handbook from '../examples/handbook/features.ts';
import { type FeatureLog, type FeatureRun, openFeatureRun, runRound } from './feature-log.ts';

export const name = 'features';

/** Count, sum, max and different merchants of a card over a minute, an hour and a day. */
const twelve = defineFeatures({
  name: 'twelve',
  version: 1,
  on: authorizationContract,
  features: ({ cardToken, amountMinor, merchantId }) => ({
    count_1m: count().by(cardToken).over('1m'),
    count_1h: count().by(cardToken).over('1h'),
    count_1d: count().by(cardToken).over('24h'),
    sum_1m: sum(amountMinor).by(cardToken).over('1m'),
    sum_1h: sum(amountMinor).by(cardToken).over('1h'),
    sum_1d: sum(amountMinor).by(cardToken).over('24h'),
    max_1m: max(amountMinor).by(cardToken).over('1m'),
    max_1h: max(amountMinor).by(cardToken).over('1h'),
    max_1d: max(amountMinor).by(cardToken).over('24h'),
    merchants_1m: countDistinct(merchantId).by(cardToken).over('1m'),
    merchants_1h: countDistinct(merchantId).by(cardToken).over('1h'),
    merchants_1d: countDistinct(merchantId).by(cardToken).over('24h'),
  }),
});

const hourMs = 3_600_000;
const shape = { keys: 500_000, events: 500_000, disorderMs: 5000, keyed: 'uniform' } as const;

/** 500,000 cards and out-of-order input; the state goes on from run to run. */
export const variants = [
  variant('12 features of a card', { ...shape, plan: twelve.plan, spanMs: 4 * hourMs }),
  variant('15 features of the handbook', { ...shape, plan: handbook.plan, spanMs: 96 * hourMs }),
];

function variant(title: string, log: FeatureLog): { readonly name: string; readonly run: () => number } {
  let under: FeatureRun | null = null;
  return { name: title, run: () => runRound((under ??= openFeatureRun(log))) };
}
