import { kafkaBatches } from '../runtime/lambda-events.ts';
import { scoreHandler } from '../runtime/lambda-score.ts';

/** Scores the records of Kafka topics; each partition stops at its first failure and tells where. */
export const handler = scoreHandler(kafkaBatches);
