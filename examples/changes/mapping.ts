import type { ChangeEvent, RowVersion } from '../../core/contract/change-event.ts';
import type { MappedEvent, Mapping } from '../../core/contract/mapping.ts';

/**
 * A mapping to copy for the tables of your own: what Debezium, AWS DMS or Maxwell captured of two tables becomes events. A
 * row of `merchant` is a version of the dimension that examples/flows/merchants.ts joins with; a row of `dispute` labels
 * its payment. Other tables are passed over.
 *
 *     weir flow run --definition examples/flows/merchants.ts --source changes.jsonl --format debezium \
 *       --mapping examples/changes/mapping.ts --out weir-out/changes
 */
export const mapping: Mapping = {
  name: 'merchants and disputes',
  version: 1,
  topic: 'registry.merchant.v1',
  columns: ['table', 'kind', 'values'],
  // Of Debezium's records with their key, and of Maxwell's with output_primary_key_columns, the key is known.
  keys: { merchant: ['merchant_id'], dispute: ['dispute_id'] },

  map(row) {
    const event = eventOf(row as RowVersion);
    return { kind: 'mapped', events: event === null ? [] : [event], deferred: [] };
  },
};

function eventOf(version: RowVersion): MappedEvent | null {
  switch (version.table) {
    case 'merchant':
      return merchantChange(version);
    case 'dispute':
      return version.kind === 'delete' ? null : dispute(version);
    default:
      return null;
  }
}

function merchantChange({ kind, changeId, commitTimeMs, position, key, values }: RowVersion): MappedEvent {
  const row = kind === 'delete' ? {} : { ...given('risk', values), ...given('sector', values) };
  const event = { tenantId: 'bank', eventId: changeId, eventTimeMs: commitTimeMs, position, op: kind, ...row };
  return {
    topic: 'registry.merchant.v1',
    eventTimeMs: commitTimeMs,
    event: { ...event, merchantId: key['merchant_id'] },
  };
}

/** Named by the dispute and its reason: another change of its row, such as of who works on it, is the same event again. */
function dispute({ values }: RowVersion): MappedEvent {
  const { reason, recorded } = values;
  // Maxwell writes no zone: its times are those of the server, here UTC.
  const eventTimeMs = Date.parse(String(recorded).replace(/^(\S+) (\S+)$/, '$1T$2Z'));
  if (Number.isNaN(eventTimeMs)) throw new Error('got no time in dispute.recorded, expected one');
  return {
    topic: 'payments.dispute.v1',
    eventTimeMs,
    event: {
      tenantId: 'bank',
      eventId: `${String(values['dispute_id'])}-${String(reason)}`,
      eventTimeMs,
      accountId: values['account_id'],
      authorizationId: values['payment_id'],
      reason,
    },
  };
}

/** A column as a field; null is no field. */
function given(column: string, values: NonNullable<ChangeEvent['after']>): Record<string, unknown> {
  return values[column] === null || values[column] === undefined ? {} : { [column]: values[column] };
}
