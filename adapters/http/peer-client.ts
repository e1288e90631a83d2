import { Agent, request } from 'node:http';
import { z } from 'zod';
import { WeirError } from '../../core/contract/failure.ts';
import { refusalCodes } from '../../core/decode/refusal.ts';
import type { Answer, DecisionAnswer, SubmittedEvent } from './port.ts';

/** Where a peer is, and what it is asked with. */
export type PeerAddress = { readonly url: string; readonly token: string };

/** Asks other processes. Rejects with the code that a peer told, or with `OWNER_UNREACHABLE`. */
export type PeerClient = {
  readonly submit: (peer: PeerAddress, event: Pick<SubmittedEvent, 'topic' | 'bytes'>) => Promise<Answer>;
  readonly decision: (peer: PeerAddress, decisionId: string) => Promise<DecisionAnswer | null>;
  readonly close: () => void;
};

const decisionAnswer = z.object({ decisionId: z.string(), tenantId: z.string(), text: z.string() });
const told = z.union([
  z.object({ code: z.string() }),
  z.object({ decision: decisionAnswer.nullable() }),
  z.object({
    answer: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('decided'), decision: decisionAnswer, isRepeat: z.boolean() }),
      z.object({ kind: z.literal('accepted'), offset: z.number() }),
      z.object({
        kind: z.literal('refused'),
        refusal: z.object({
          code: z.enum(refusalCodes),
          message: z.string(),
          issues: z.array(z.object({ path: z.string(), got: z.string(), expected: z.string() })),
        }),
      }),
    ]),
  }),
]);

const socketsMax = 256;
/** Connections of a peer that was stopped are given up after so long. */
const silentMs = 5000;

/** Opens connections to peers as they are asked, and keeps them. */
export function createPeerClient(): PeerClient {
  const agent = new Agent({ keepAlive: true, maxSockets: socketsMax, scheduling: 'lifo' });
  const ask = async (peer: PeerAddress, path: string, body: Uint8Array | null): Promise<z.infer<typeof told>> => {
    const text = await send(agent, peer, path, body).catch((error: unknown) => {
      throw unreachable(peer, error);
    });
    const answer = told.parse(JSON.parse(text));
    if (!('code' in answer)) return answer;
    throw new WeirError({ code: answer.code, message: `got ${answer.code} of ${peer.url}, expected an answer` });
  };
  return {
    submit: async (peer, { topic, bytes }) => {
      const answer = await ask(peer, `/events/${topic}`, bytes);
      if ('answer' in answer) return answer.answer;
      throw unreachable(peer, new Error('got another answer, expected one to an event'));
    },
    decision: async (peer, decisionId) => {
      const answer = await ask(peer, `/decisions/${decisionId}`, null);
      return 'decision' in answer ? answer.decision : null;
    },
    close: () => agent.destroy(),
  };
}

function send(agent: Agent, { url, token }: PeerAddress, path: string, body: Uint8Array | null): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = { authorization: `Bearer ${token}`, ...(body === null ? {} : { 'content-length': body.length }) };
  const asked = request(`${url}${path}`, { method: body === null ? 'GET' : 'POST', agent, headers }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.once('error', reject);
  });
  asked.setTimeout(silentMs, () => asked.destroy(new Error(`got no answer in ${silentMs} ms`)));
  asked.once('error', reject);
  asked.end(body ?? undefined);
  return promise;
}

function unreachable({ url }: PeerAddress, cause: unknown): WeirError {
  return new WeirError({
    code: 'OWNER_UNREACHABLE',
    message: `got no answer of ${url}, expected the owner of the event's partition there: ${String(cause)}`,
    fix: 'Send the event again in a second: the same eventId is decided once. Another process takes over when the session of a dead one has ended.',
    facts: { url },
    cause,
  });
}
