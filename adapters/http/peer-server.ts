import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { WeirError } from '../../core/contract/failure.ts';
import { createEventIdentifier } from '../../core/decode/event-identity.ts';
import { bodyOfIncoming } from './body.ts';
import type { Answer, DecisionAnswer, SubmittedEvent } from './port.ts';

/** What other processes ask the owner of partitions. */
export type PeerPort = {
  /** Of partitions that this process owns alone; rejects with `NOT_OWNER` otherwise. */
  readonly submit: (event: SubmittedEvent) => Promise<Answer>;
  readonly decision: (decisionId: string) => Promise<DecisionAnswer | null>;
};

export type PeerServer = { readonly url: string; readonly close: () => Promise<void> };

/** Longer than a peer keeps a connection that waits. */
const keepAliveTimeout = 65_000;

/**
 * Answers other processes of the API, which have checked their callers: `POST /events/CONTRACT` and `GET /decisions/ID`, each
 * with the token. What is refused is told by the code of its `WeirError`.
 */
export async function listenToPeers(options: {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly peerPort: () => PeerPort;
}): Promise<PeerServer> {
  const { host, port, token, peerPort } = options;
  const identify = createEventIdentifier();
  const expected = Buffer.from(`Bearer ${token}`);
  const answer = async (request: IncomingMessage): Promise<object> => {
    const given = Buffer.from(request.headers.authorization ?? '');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return { code: 'PEER_UNKNOWN' };
    const [, kind, name = ''] = (request.url ?? '').split('/');
    if (kind === 'decisions') return { decision: await peerPort().decision(name) };
    const bytes = await bodyOfIncoming(request);
    const identified = identify(name, bytes ?? new Uint8Array());
    if (kind !== 'events' || bytes === null || !identified.ok) return { code: 'PEER_INVALID' };
    return { answer: await peerPort().submit({ topic: name, bytes, identity: identified.identity }) };
  };
  const server = createServer({ keepAliveTimeout, headersTimeout: keepAliveTimeout }, (request, response) => {
    void answer(request)
      .catch((error: unknown): object => {
        if (error instanceof WeirError) return { code: error.code };
        process.stderr.write(`weir: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        return { code: 'BUG' };
      })
      .then((body) => {
        const text = JSON.stringify(body);
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
        response.end(text);
      });
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  const bound = address === null || typeof address === 'string' ? port : address.port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}
