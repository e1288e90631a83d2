import { captureHandler } from '../runtime/lambda-capture.ts';

/** Makes events of the changes that Debezium writes to a Kafka topic; a partition stops at its first failure. */
export const handler = captureHandler('debezium');
