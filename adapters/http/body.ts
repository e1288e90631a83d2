import type { IncomingMessage } from 'node:http';

/** The most bytes of a body, of a batch of events or readings, and the most of each in one. */
export const limits = {
  bodyBytesMax: 65_536,
  batchBytesMax: 1_048_576,
  batchEventsMax: 100,
  batchReadingsMax: 1000,
} as const;

/** The body of a request of Node's server; null when it is longer than it may be. */
export function bodyOfIncoming(
  incoming: IncomingMessage,
  bytesMax: number = limits.bodyBytesMax,
): Promise<Uint8Array | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>();
  if (Number(incoming.headers['content-length'] ?? 0) > bytesMax) {
    incoming.resume();
    resolve(null);
    return promise;
  }
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  incoming.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes > bytesMax) resolve(null);
    else chunks.push(chunk);
  });
  incoming.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
  incoming.once('error', reject);
  return promise;
}
