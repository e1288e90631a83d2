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
    if (answer === 'late') return { problem: problems.late };
    if (answer === 'busy') return { problem: problems.busy };
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

async function withinDeadline(
  port: ScoringPort,
  { event, deadlineMs }: { readonly event: SubmittedEvent; readonly deadlineMs: number },
): Promise<Answer | 'late' | 'busy'> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(resolve, deadlineMs, 'late');
  try {
    return await Promise.race([port.submit(event), late]);
  } catch (error) {
    if (error instanceof WeirError && error.code === 'BUSY') return 'busy';
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
