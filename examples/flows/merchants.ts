import { z } from 'zod';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { defineContract } from '../../core/contract/contract.ts';
import { eventSchema } from '../../core/contract/event-schema.ts';
import { identifier } from '../../core/contract/identifier.ts';
import { eventTimeMs } from '../../core/contract/payment-fields.ts';
import { defineFlow, joinVersions } from '../../core/features/define-flow.ts';

const hourMs = 3_600_000;

/** A change of a row of the merchants' table; its event time is when it was committed. */
const merchantContract = defineContract({
  topic: 'registry.merchant.v1',
  schema: eventSchema({
    tenantId: identifier,
    eventId: identifier,
    eventTimeMs,
    merchantId: identifier,
    op: z.enum(['upsert', 'delete']),
    /** Where the database's log has the change: it orders those of one transaction. */
    position: z.string().exactOptional(),
    risk: z.enum(['low', 'high']).exactOptional(),
    sector: z.string().exactOptional(),
  }),
  key: 'merchantId',
  nested: [],
  eventTimeField: 'eventTimeMs',
  outOfOrdernessMs: 5_000,
  allowedLatenessMs: hourMs,
  maxFutureMs: 300_000,
  idleMs: 60_000,
  retentionMs: 120 * 24 * hourMs,
  partitions: 32,
});

/**
 * Payments with what the merchants' table said of the merchant at the time of the payment: as the log had brought it
 * (`risk`), and as it was (`risk_settled`), which a change that comes late puts right.
 *
 *     weir flow run --definition examples/flows/merchants.ts --source examples/flows/merchants.jsonl --ndjson
 *
 * examples/changes/mapping.ts makes the changes of the table out of what Debezium, DMS or Maxwell captured.
 */
export default defineFlow({
  name: 'merchants',
  version: 1,
  inputs: { payment: authorizationContract, merchant: merchantContract },
  outputs: ({ payment, merchant }) => ({
    payments_with_merchant: joinVersions(payment, merchant)
      .on(payment.merchantId, merchant.merchantId)
      .orderedBy(merchant.position)
      .deletedWhen(merchant.op.equals('delete'))
      .of((paid, row) => ({ merchant_id: paid.merchantId, amount_minor: paid.amountMinor, risk: row.risk })),
  }),
});
