import { targetHashOf } from './arrival.ts';
import { finiteOrNull, type Accepted } from './batch.ts';
import { readField } from '../features/expression.ts';
import { applyLabel } from '../features/labels.ts';
import { observe } from '../features/observe.ts';
import { labelKeyOf } from '../features/state.ts';
import { baselineOf, updateBaseline } from '../score/baseline.ts';
import type { Decider } from '../score/decide.ts';
import type { Decision } from '../score/decision.ts';
import { countUp } from '../sinks/effects.ts';
import { postAuthorization, postClearing, postReversal } from '../sinks/ledger.ts';
import { setAside } from './set-aside.ts';
import type { Weir, WeirState } from './state.ts';

/** Whatever an accepted event does: it is decided, labels, or moves its hold. */
export function enter(weir: Weir, state: WeirState, accepted: Accepted): void {
  const { arrival, admission } = accepted;
  noteAccepted(accepted);
  if (admission.kind === 'tooLate') setAside(accepted);
  if (arrival.event.topic === 'payments.authorization.v1') authorize(weir, state, accepted);
  else if (admission.kind !== 'tooLate') {
    if (arrival.event.topic === 'payments.dispute.v1') dispute(weir, state, accepted);
    else release(weir, state, accepted);
  }
}

/** Keeps the id of an accepted event for ever, and counts it. */
function noteAccepted({ arrival, admission, effects }: Accepted): void {
  const { record, event, bodyHash, idHash } = arrival;
  effects.acceptedKeys.push({ idHash, bodyHash, offset: record.offset });
  countUp(effects.counts, `accepted.${event.topic}`);
  if (admission.kind !== 'onTime') countUp(effects.counts, admission.kind);
}

/**
 * Takes an authorization into the windows, scores it or adopts the decision that was kept of it, and posts its entry.
 */
function authorize(weir: Weir, state: WeirState, { arrival, batch, effects, admission }: Accepted): void {
  const { event, topic } = arrival.event;
  if (topic !== 'payments.authorization.v1') throw new Error(`got ${topic}, expected an authorization`);
  const { offset } = arrival.record;
  const recorded = batch.recorded.get(offset);
  const { tenantId, accountId, eventId, eventTimeMs } = event;
  const features = observe(weir.features, state.features, {
    identity: { tenantId, accountId, eventId, eventTimeMs, offset },
    event,
    lateness: admission.kind,
    watermarkMs: state.watermarks.stateMs,
    recorded: recorded?.features,
  });
  if (weir.decider === null) return;
  const decision = recorded ?? decide({ decider: weir.decider, state }, { arrival, admission, features });
  const accountKey = `${tenantId}\u0000${accountId}`;
  if (admission.kind !== 'tooLate') updateBaseline(state.baselines, { accountKey, eventTimeMs, features });
  effects.decisions.push(decision);
  countUp(effects.counts, `decisions.${decision.outcome}`);
  effects.ledgerEntries.push(...postAuthorization(state.ledger, { event, decision, offset }));
}

/** Posts what a clearing or a reversal does to its hold. */
function release(weir: Weir, state: WeirState, { arrival, effects }: Accepted): void {
  const { event, topic } = arrival.event;
  const { offset } = arrival.record;
  if (weir.decider === null) return;
  if (topic === 'payments.clearing.v1') effects.ledgerEntries.push(...postClearing(state.ledger, { event, offset }));
  if (topic === 'payments.reversal.v1') effects.ledgerEntries.push(...postReversal(state.ledger, { event, offset }));
}

/** Labels the authorization that a dispute refers to, where the definition reads that label. */
function dispute(weir: Weir, state: WeirState, { arrival, batch, effects }: Accepted): void {
  const { event, topic } = arrival.event;
  const { label } = weir.features.plan;
  if (topic !== 'payments.dispute.v1' || label === null || label.topic !== topic) return;
  const { tenantId, accountId, eventTimeMs } = event;
  const targetHash = targetHashOf(event);
  const outcome = applyLabel(weir.features, state.features, {
    event,
    labelKey: labelKeyOf({ tenantId, accountId, eventId: event.authorizationId }),
    eventTimeMs,
    offset: arrival.record.offset,
    carriesLabel: label.when === null || readField(label.when.field)(event) === label.when.equals,
    targetKnown: batch.known.has(targetHash) || state.admission.remembered.has(targetHash),
    watermarkMs: state.watermarks.stateMs,
    waitUntilMs: eventTimeMs + arrival.contract.retentionMs,
  });
  countUp(effects.counts, `labels.${outcome}`);
}

function decide(
  { decider, state }: { readonly decider: Decider; readonly state: WeirState },
  asked: Pick<Accepted, 'arrival' | 'admission'> & { readonly features: readonly (number | null)[] },
): Decision {
  const { record, event, bodyHash, idHash } = asked.arrival;
  if (event.topic !== 'payments.authorization.v1') throw new Error(`got ${event.topic}, expected an authorization`);
  const { tenantId, accountId, eventTimeMs } = event.event;
  const accountKey = `${tenantId}\u0000${accountId}`;
  return decider.decide({
    event: event.event,
    decisionId: idHash,
    bodyHash,
    topic: event.topic,
    partition: record.partition,
    offset: record.offset,
    features: asked.features,
    baseline: baselineOf(state.baselines, { accountKey, eventTimeMs, watermarkMs: state.watermarks.stateMs }),
    watermarkMs: finiteOrNull(asked.admission.watermarkMs),
    late: asked.admission.kind === 'late',
    tooLate: asked.admission.kind === 'tooLate',
  });
}
