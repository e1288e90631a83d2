import { captureHandler } from '../runtime/lambda-capture.ts';

/** Makes events of the changes that AWS DMS writes to a Kinesis stream or a Kafka topic; a partition stops at its first failure. */
export const handler = captureHandler('dms');
