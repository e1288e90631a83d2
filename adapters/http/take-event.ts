import { createEventIdentifier } from '../../core/decode/event-identity.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { type ApiKey, isOfTenant } from './api-keys.ts';
import { budgetMsOf } from './budget.ts';
import type { Answer, ScoringPort, SubmittedEvent } from './port.ts';
import { forbidden, type Problem, problemOf, problems } from './problems.ts';

/** An event that a caller sent. */
export type Asked = {
  readonly caller: Pick<ApiKey, 'tenants'>;
  readonly topic: string;
  readonly bytes: Uint8Array;
  /** The header `budgetHeader` as it came; the server's own deadline without it. */
  readonly budget?: string | undefined;
};

/** What the caller gets; `text` is JSON. */
export type Taken = { readonly status: 200 | 202; readonly text: string } | { readonly problem: Problem };

export type TakingOptions = {
  readonly port: ScoringPort;
  /** How long a caller waits at most, milliseconds. */
  readonly deadlineMs: number;
  /** Told of each event whose caller was answered before it was decided. */
  readonly observeLate?: (() => void) | undefined;
};

/** Checks events, has them decided, and waits for that no longer than the budget of the request. */
export function createTaking({ port, deadlineMs, observeLate }: TakingOptions): (asked: Asked) => Promise<Taken> {
  const identify = createEventIdentifier();
  return async ({ caller, topic, bytes, budget }) => {
    const budgetMs = budgetMsOf(budget, deadlineMs);
    if (budgetMs === null) return { problem: problems.noBudget };
    const identified = identify(topic, bytes);
    if (!identified.ok) return { problem: problemOf(identified.refusal) };
    const { identity } = identified;
    if (!isOfTenant(caller, identity.tenantId)) return { problem: forbidden(`the tenant of the event`) };
    if (!port.isReady()) return { problem: problems.stopping };
    const answer = await withinBudget(port, { event: { topic, bytes, identity }, budgetMs });
    if ('problem' in answer) {
      if (answer.problem === problems.late) observeLate?.();
      return answer;
    }
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
  ['OWNER_AWAY', problems.unavailable],
  ['OWNER_UNREACHABLE', problems.unavailable],
  ['NOT_OWNER', problems.unavailable],
  ['KAFKA_UNREACHABLE', problems.unavailable],
  ['KAFKA_FAILED', problems.unavailable],
]);

async function withinBudget(
  port: ScoringPort,
  { event, budgetMs }: { readonly event: SubmittedEvent; readonly budgetMs: number },
): Promise<Answer | { readonly problem: Problem }> {
  const { promise: late, resolve } = Promise.withResolvers<{ readonly problem: Problem }>();
  const timer = setTimeout(resolve, budgetMs, { problem: problems.late });
  try {
    return await orProblem(Promise.race([port.submit(event), late]));
  } finally {
    clearTimeout(timer);
  }
}

/** What was asked of the owner of decisions, or the problem with which the caller is to ask again. */
export async function orProblem<Asked>(asking: Promise<Asked>): Promise<Asked | { readonly problem: Problem }> {
  try {
    return await asking;
  } catch (error) {
    const problem = error instanceof WeirError ? passing.get(error.code) : undefined;
    if (problem === undefined) throw error;
    return { problem };
  }
}
