import { createEventIdentifier } from '../../core/decode/event-identity.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { type ApiKey, isOfTenant } from './api-keys.ts';
import type { Answer, ScoringPort, SubmittedEvent } from './port.ts';
import { forbidden, type Problem, problemOf, problems } from './problems.ts';

/** An event that a caller sent. */
export type Asked = { readonly caller: Pick<ApiKey, 'tenants'>; readonly topic: string; readonly bytes: Uint8Array };

/** What the caller gets; `text` is JSON. */
export type Taken = { readonly status: 200 | 202; readonly text: string } | { readonly problem: Problem };

/** Checks events, has them decided, and waits for that no longer than the deadline. */
export function createTaking({
  port,
  deadlineMs,
}: {
  readonly port: ScoringPort;
  readonly deadlineMs: number;
}): (asked: Asked) => Promise<Taken> {
  const identify = createEventIdentifier();
  return async ({ caller, topic, bytes }) => {
    const identified = identify(topic, bytes);
    if (!identified.ok) return { problem: problemOf(identified.refusal) };
    const { identity } = identified;
    if (!isOfTenant(caller, identity.tenantId)) return { problem: forbidden(`the tenant of the event`) };
    if (!port.isReady()) return { problem: problems.stopping };
    const answer = await withinDeadline(port, { event: { topic, bytes, identity }, deadlineMs });
    if ('problem' in answer) return answer;
    switch (answer.kind) {
      case 'decided':
        return { status: 200, text: answer.decision.text };
      case 'accepted':
        return { status: 202, text: JSON.stringify({ eventId: identity.eventId }) };
      case 'refused':
        return { problem: problemOf(answer.refusal) };
    }
  };
}

/** What passes, by its code: whoever asks again is answered. */
const passing: ReadonlyMap<string, Problem> = new Map<string, Problem>([
  ['BUSY', problems.busy],
  ['IN_FLIGHT', problems.inFlight],
  ['ACCOUNT_CONTENDED', problems.busy],
  ['STATE_TORN', problems.busy],
  ['DYNAMODB_UNAVAILABLE', problems.unavailable],
]);

async function withinDeadline(
  port: ScoringPort,
  { event, deadlineMs }: { readonly event: SubmittedEvent; readonly deadlineMs: number },
): Promise<Answer | { readonly problem: Problem }> {
  const { promise: late, resolve } = Promise.withResolvers<{ readonly problem: Problem }>();
  const timer = setTimeout(resolve, deadlineMs, { problem: problems.late });
  try {
    return await Promise.race([port.submit(event), late]);
  } catch (error) {
    const problem = error instanceof WeirError ? passing.get(error.code) : undefined;
    if (problem === undefined) throw error;
    return { problem };
  } finally {
    clearTimeout(timer);
  }
}
