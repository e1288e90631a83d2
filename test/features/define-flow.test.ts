import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { defineContract } from '../../core/contract/contract.ts';
import { disputeContract } from '../../core/contract/dispute.ts';
import { count } from '../../core/features/define.ts';
import { defineFlow, type FlowOutput, joinIntervals, joinVersions, panes } from '../../core/features/define-flow.ts';
import type { FlowInput } from '../../core/features/flow-input.ts';
import type { FlowSet } from '../../core/features/flow-plan.ts';
import type { Authorization } from '../../core/contract/authorization.ts';
import type { Dispute } from '../../core/contract/dispute.ts';

type Inputs = { readonly payment: FlowInput<Authorization>; readonly dispute: FlowInput<Dispute> };

function flowWith(outputs: (inputs: Inputs) => Record<string, FlowOutput>): FlowSet {
  const inputs = { payment: authorizationContract, dispute: disputeContract };
  return defineFlow({ name: 'watch', version: 1, inputs, outputs });
}

function disputed({ payment, dispute }: Inputs): FlowOutput {
  return joinIntervals(payment, dispute)
    .on(payment.accountId, dispute.accountId)
    .within({ after: '60d' })
    .of((left, right) => ({ amount: left.amountMinor, reason: right.reason }));
}

describe('a flow', () => {
  test('is plain data with a stable hash', () => {
    const set = flowWith((inputs) => ({ disputed: disputed(inputs) }));
    expect(structuredClone(set.plan)).toEqual(set.plan);
    expect(flowWith((inputs) => ({ disputed: disputed(inputs) })).hash).toBe(set.hash);
    expect(flowWith((inputs) => ({ objected: disputed(inputs) })).hash).not.toBe(set.hash);
    expect(set.plan.inputs.map(({ topic }) => topic)).toEqual(['payments.authorization.v1', 'payments.dispute.v1']);
  });

  test('follows the partitions when every output is keyed by what partitions its topics', () => {
    const scopeOf = (outputs: (inputs: Inputs) => Record<string, FlowOutput>): string =>
      flowWith((inputs) => ({ disputed: disputed(inputs), ...outputs(inputs) })).plan.scope;
    expect(scopeOf(() => ({}))).toBe('partition');
    const byCard = ({ payment }: Inputs) => panes(payment).by(payment.cardToken).session('1h').of({ n: count() });
    expect(scopeOf((inputs) => ({ cards: byCard(inputs) }))).toBe('partition');
    const byShop = ({ payment }: Inputs) => panes(payment).by(payment.merchantId).session('1h').of({ n: count() });
    expect(scopeOf((inputs) => ({ shops: byShop(inputs) }))).toBe('all');
    const crossed = ({ payment, dispute }: Inputs) =>
      joinIntervals(payment, dispute)
        .on(payment.accountId, dispute.authorizationId)
        .on(payment.eventId, dispute.accountId)
        .within({ after: '1d' })
        .of((left) => ({ amount: left.amountMinor }));
    expect(scopeOf((inputs) => ({ crossed: crossed(inputs) }))).toBe('all');
  });

  test.each<[string, (inputs: Inputs) => Record<string, FlowOutput>, string]>([
    ['no output', () => ({}), 'got 0 outputs in watch, expected 1 to 64'],
    ['a name of the lake', (inputs) => ({ late: disputed(inputs) }), 'got the output name "late"'],
    [
      'a join without keys',
      ({ payment, dispute }) => ({
        pairs: joinIntervals(payment, dispute)
          .within({ after: '1d' })
          .of((left) => ({ amount: left.amountMinor })),
      }),
      'output pairs: got a join without .on(field, field)',
    ],
    [
      'a join without an interval',
      ({ payment, dispute }) => ({
        pairs: joinIntervals(payment, dispute)
          .on(payment.accountId, dispute.accountId)
          .of((left) => ({ amount: left.amountMinor })),
      }),
      'output pairs: got a join without .within({ before, after })',
    ],
    [
      "a side's field as a column of the input itself",
      ({ payment, dispute }) => ({
        pairs: joinIntervals(payment, dispute)
          .on(payment.accountId, dispute.accountId)
          .within({ after: '1d' })
          .of(() => ({ amount: payment.amountMinor })),
      }),
      'output pairs: got amountMinor in a column, expected a field of what .of(...) is given',
    ],
    [
      'a key of the other side',
      ({ payment, dispute }) => ({
        pairs: joinIntervals(payment, dispute)
          .on(payment.accountId, payment.merchantId)
          .within({ after: '1d' })
          .of((left) => ({ amount: left.amountMinor })),
      }),
      'output pairs: got merchantId as the key of payments.dispute.v1, expected one of accountId',
    ],
    [
      'a condition on the other side',
      ({ payment, dispute }) => ({
        pairs: joinIntervals(payment, dispute)
          .on(payment.accountId, dispute.accountId)
          .within({ after: '1d' })
          .only({ left: dispute.reason.equals('fraud') })
          .of((left) => ({ amount: left.amountMinor })),
      }),
      'output pairs: got a condition on reason, expected fields of payments.authorization.v1',
    ],
    [
      'a column that a row has anyway',
      ({ payment, dispute }) => ({
        pairs: joinIntervals(payment, dispute)
          .on(payment.accountId, dispute.accountId)
          .within({ after: '1d' })
          .of((left) => ({ revision: left.amountMinor })),
      }),
      'output pairs: got the column name "revision"',
    ],
    [
      'a column that is there twice',
      ({ payment, dispute }) => ({
        graded: joinVersions(payment, dispute)
          .on(payment.accountId, dispute.accountId)
          .of((event, dimension) => ({ reason: dimension.reason, reason_settled: event.currency })),
      }),
      'output graded: got the column reason_settled twice',
    ],
    [
      'a limit below one',
      ({ payment, dispute }) => ({
        graded: joinVersions(payment, dispute)
          .on(payment.accountId, dispute.accountId)
          .limit({ perKeyMax: 0 })
          .of((event) => ({ amount: event.amountMinor })),
      }),
      'output graded: got a limit of 0, expected 1 or more',
    ],
  ])('refuses %s', (_what, outputs, message) => {
    expect(() => flowWith(outputs)).toThrow(message);
  });

  test('refuses an input that nothing reads', () => {
    const sessions = ({ payment }: Inputs) => panes(payment).by(payment.accountId).session('1h').of({ n: count() });
    expect(() => flowWith((inputs) => ({ sessions: sessions(inputs) }))).toThrow(
      'got the input dispute (payments.dispute.v1), which no output reads',
    );
  });

  test('refuses a topic on both sides of a join, and a field that its contract does not have', () => {
    expect(() =>
      flowWith(({ payment }) => ({
        twice: joinIntervals(payment, payment).of((left) => ({ amount: left.amountMinor })),
      })),
    ).toThrow('got payments.authorization.v1 on both sides of a join, expected two topics');
    const unknown = (terms: object): FlowOutput => Reflect.get(terms, 'cardHolder');
    expect(() => flowWith(({ payment }) => ({ x: unknown(payment) }))).toThrow(
      'got the unknown field cardHolder of payments.authorization.v1',
    );
  });

  test('refuses a contract whose events have no tenant', () => {
    const bare = defineContract({
      topic: 'shop.bare.v1',
      schema: z.strictObject({ eventId: z.string(), eventTimeMs: z.int(), shop: z.string() }),
      key: 'shop',
      nested: [],
      eventTimeField: 'eventTimeMs',
      outOfOrdernessMs: 0,
      allowedLatenessMs: 0,
      maxFutureMs: 0,
      idleMs: 0,
      retentionMs: 0,
      partitions: 1,
    });
    const outputs = ({ event }: { readonly event: FlowInput<z.infer<typeof bare.schema>> }) => ({
      shops: panes(event).by(event.shop).session('1h').of({ n: count() }),
    });
    expect(() => defineFlow({ name: 'bare', version: 1, inputs: { event: bare }, outputs })).toThrow(
      'got no tenantId in shop.bare.v1, expected a text in every event',
    );
  });
});
