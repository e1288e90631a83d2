import { type Authorization, authorizationContract } from './authorization.ts';
import { type Clearing, clearingContract } from './clearing.ts';
import type { Contract } from './contract.ts';
import { type Dispute, disputeContract } from './dispute.ts';
import { type Reversal, reversalContract } from './reversal.ts';
import { type Violations, violationsOf } from './violations.ts';

/** An event that came in, with the contract that it keeps. */
export type DomainEvent =
  | { readonly topic: 'payments.authorization.v1'; readonly event: Authorization }
  | { readonly topic: 'payments.clearing.v1'; readonly event: Clearing }
  | { readonly topic: 'payments.reversal.v1'; readonly event: Reversal }
  | { readonly topic: 'payments.dispute.v1'; readonly event: Dispute };

/** What a check of one value against its contract gives. */
export type Checked = CheckedAs<DomainEvent>;

/** An input contract with the check that turns a parsed JSON value into its event. */
export type EventReader = { readonly contract: Contract; readonly check: (value: unknown) => Checked };

/** The readers of all input contracts, by topic. */
export const eventReaders: ReadonlyMap<string, EventReader> = new Map<string, EventReader>([
  [authorizationContract.topic, { contract: authorizationContract, check: checkWith(authorizationContract) }],
  [clearingContract.topic, { contract: clearingContract, check: checkWith(clearingContract) }],
  [reversalContract.topic, { contract: reversalContract, check: checkWith(reversalContract) }],
  [disputeContract.topic, { contract: disputeContract, check: checkWith(disputeContract) }],
]);

type CheckedAs<Event> =
  | { readonly ok: true; readonly event: Event }
  | { readonly ok: false; readonly violations: Violations };

function checkWith<Event, const Topic extends string>({
  schema,
  topic,
}: Contract<Event> & { readonly topic: Topic }): (value: unknown) => CheckedAs<{ topic: Topic; event: Event }> {
  return (value) => {
    const parsed = schema.safeParse(value);
    if (!parsed.success) return { ok: false, violations: violationsOf(parsed.error, value) };
    return { ok: true, event: { topic, event: parsed.data } };
  };
}
