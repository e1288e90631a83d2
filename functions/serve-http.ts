import { serveHandler } from '../runtime/lambda-serve.ts';

/** The score API behind API Gateway or a function's own address, over state that all its processes share. */
export const handler = serveHandler();
