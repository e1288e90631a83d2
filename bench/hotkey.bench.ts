import { authorizationContract } from '../core/contract/authorization.ts';
import { count, countDistinct, defineFeatures, max, sum } from '../core/features/define.ts';
import { type FeatureRun, openFeatureRun, runRound } from './feature-log.ts';

export const name = 'hotkey';

const featureSet = defineFeatures({
  name: 'hot_key',
  version: 1,
  on: authorizationContract,
  features: ({ cardToken, amountMinor, merchantId }) => ({
    count_1d: count().by(cardToken).over('24h'),
    sum_1d: sum(amountMinor).by(cardToken).over('24h'),
    max_1d: max(amountMinor).by(cardToken).over('24h'),
    merchants_1d: countDistinct(merchantId).by(cardToken).over('24h'),
  }),
});

const dayMs = 86_400_000;
const eventsInWindow = 5_000_000;
const roundsADay = 10;

let under: FeatureRun | null = null;

/** A tenth of a day of one key with 5 million events a day; the first call fills the window. Events in order. */
export function run(): number {
  if (under === null) {
    const events = eventsInWindow / roundsADay;
    const spanMs = dayMs / roundsADay;
    under = openFeatureRun({ plan: featureSet.plan, keys: 1, events, spanMs, disorderMs: 0, keyed: 'uniform' });
    for (let round = 0; round < roundsADay; round++) runRound(under);
    under.batchMsMax = 0;
    under.eventMsMax = 0;
  }
  return runRound(under);
}

/** What is beside the mean. */
export function report(): string[] {
  return under === null ? [] : [`longest stall of one event ${under.eventMsMax.toFixed(3)} ms`];
}
