import { redriveHandler } from '../runtime/lambda-redrive.ts';

/** Puts dead letters of a source back into its stream: `{"source": "payments/shardId-000000000003", "codes": ["notJson"]}`. */
export const handler = redriveHandler();
