import { kinesisBatches } from '../runtime/lambda-events.ts';
import { scoreHandler } from '../runtime/lambda-score.ts';

/** Scores the records of a Kinesis stream, aggregated ones too; a shard stops at its first failure and tells where. */
export const handler = scoreHandler(kinesisBatches);
