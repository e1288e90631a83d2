import type { Authorization } from '../../core/contract/authorization.ts';
import type { Dispute } from '../../core/contract/dispute.ts';
import type { Plan } from '../../core/features/plan.ts';
import { type Accepted, contractOf } from './naive-admission.ts';
import { fieldOf } from './naive-expression.ts';

/** An accepted authorization. */
export type AcceptedAuthorization = Accepted & { readonly event: Authorization };

/** An accepted dispute that was not too late, and what it did on arrival. */
export type AcceptedDispute = Accepted & {
  readonly event: Dispute;
  readonly carriesLabel: boolean;
  readonly fate: 'applied' | 'beyondReach' | 'waiting';
  /** Its authorization came, or its wait was given up. */
  isOver: boolean;
};

/** Says what a dispute does, from all accepted authorizations before it. */
export function judgeDispute(
  plan: Plan,
  authorizations: readonly AcceptedAuthorization[],
  dispute: Accepted & { readonly event: Dispute },
): AcceptedDispute {
  const { when = null } = plan.label ?? {};
  const carriesLabel = when === null || fieldOf(dispute.event, when.field) === when.equals;
  const target = authorizations.find(({ event }) => refersTo(dispute.event, event));
  if (target === undefined) return { ...dispute, carriesLabel, fate: 'waiting', isOver: false };
  const oldestMs = dispute.stateMs - contractOf(plan.topic).allowedLatenessMs - labelReachMs(plan);
  const isHeld = target.status !== 'tooLate' && target.event.eventTimeMs > oldestMs;
  return { ...dispute, carriesLabel, fate: isHeld ? 'applied' : 'beyondReach', isOver: true };
}

/** An authorization that enters ends the waits for it. */
export function endWaitsFor(disputes: readonly AcceptedDispute[], authorization: Authorization): void {
  for (const dispute of disputes) if (refersTo(dispute.event, authorization)) dispute.isOver = true;
}

/** The disputes that waited until their contract's retention, by its end, then offset. */
export function giveUpWaits(disputes: readonly AcceptedDispute[], watermarkMs: number): AcceptedDispute[] {
  const over = disputes.filter(
    ({ isOver, event, domain }) => !isOver && event.eventTimeMs + contractOf(domain.topic).retentionMs <= watermarkMs,
  );
  for (const dispute of over) dispute.isOver = true;
  return over.toSorted((left, right) => left.event.eventTimeMs - right.event.eventTimeMs || left.offset - right.offset);
}

/** The disputes that label an authorization in the state: those that found it, and those for which it came in time. */
export function labelsOf(
  disputes: readonly AcceptedDispute[],
  authorization: AcceptedAuthorization,
  gaveUp: ReadonlySet<AcceptedDispute>,
): AcceptedDispute[] {
  return disputes.filter(
    (dispute) =>
      dispute.carriesLabel &&
      dispute.fate !== 'beyondReach' &&
      !gaveUp.has(dispute) &&
      refersTo(dispute.event, authorization.event),
  );
}

/** How far back the windows over the label look. */
function labelReachMs(plan: Plan): number {
  const overLabel = plan.aggregates.filter(({ usesLabel }) => usesLabel);
  return Math.max(0, ...overLabel.map(({ overMs, delayedByMs }) => overMs + delayedByMs));
}

/** Is this the dispute's authorization? */
export function refersTo(dispute: Dispute, { tenantId, accountId, eventId }: Authorization): boolean {
  return dispute.tenantId === tenantId && dispute.accountId === accountId && dispute.authorizationId === eventId;
}
