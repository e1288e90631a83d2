import { authorizationContract } from '../../core/contract/authorization.ts';
import { disputeContract } from '../../core/contract/dispute.ts';
import { count, countDistinct, max, sum } from '../../core/features/define.ts';
import { defineFlow, joinIntervals, panes } from '../../core/features/define-flow.ts';

/**
 * What became of payments: each dispute with its payment, and what customers do in one go and in a day. A day goes out
 * when the watermark has passed it, and again, as a revision, when a late payment comes.
 *
 *     weir flow run --definition examples/flows/payments.ts --source examples/small/payments.csv --out weir-out/flow
 */
export default defineFlow({
  name: 'payments',
  version: 1,
  inputs: { payment: authorizationContract, dispute: disputeContract },
  outputs: ({ payment, dispute }) => ({
    disputed: joinIntervals(payment, dispute)
      .on(payment.accountId, dispute.accountId)
      .on(payment.eventId, dispute.authorizationId)
      .within({ after: '60d' })
      .of((paid, objected) => ({
        payment_id: paid.eventId,
        terminal_id: paid.terminalId,
        amount_minor: paid.amountMinor,
        currency: paid.currency,
        reason: objected.reason,
        waited_ms: objected.eventTimeMs.minus(paid.eventTimeMs),
      })),
    customer_sessions: panes(payment)
      .by(payment.accountId)
      .session('30m')
      .of({ payments: count(), amount_minor: sum(payment.amountMinor), terminals: countDistinct(payment.terminalId) }),
    customer_days: panes(payment)
      .by(payment.accountId)
      .tumbling('1d')
      .of({ payments: count(), amount_minor: sum(payment.amountMinor), largest_minor: max(payment.amountMinor) }),
  }),
});
