import { z } from 'zod';
import { defineContract } from '../../core/contract/contract.ts';
import { eventSchema } from '../../core/contract/event-schema.ts';
import { identifier } from '../../core/contract/identifier.ts';
import { eventTimeMs } from '../../core/contract/payment-fields.ts';
import { count, stddev, sum } from '../../core/features/define.ts';
import { defineFlow, joinIntervals, joinVersions, panes } from '../../core/features/define-flow.ts';
import type { FlowSet } from '../../core/features/flow-plan.ts';

const head = { tenantId: identifier, eventId: identifier, eventTimeMs, account: identifier };
const times = { outOfOrdernessMs: 200, maxFutureMs: 1e12, idleMs: 1000, retentionMs: 1e9, partitions: 32 };
const shape = { key: 'account', nested: [], eventTimeField: 'eventTimeMs', ...times } as const;

/** An order of an account. */
const orderContract = defineContract({
  topic: 'shop.order.v1',
  schema: eventSchema({ ...head, amount: z.int() }),
  ...shape,
  allowedLatenessMs: 600,
});

/** A parcel that leaves for an account. */
const parcelContract = defineContract({
  topic: 'shop.parcel.v1',
  schema: eventSchema({ ...head, weight: z.number() }),
  ...shape,
  allowedLatenessMs: 300,
});

/** A change of an account's row, committed at its event time. */
const gradeContract = defineContract({
  topic: 'shop.grade.v1',
  schema: eventSchema({ ...head, op: z.enum(['upsert', 'delete']), grade: z.string().exactOptional() }),
  ...shape,
  allowedLatenessMs: 900,
});

export const contractsOfShop = [orderContract, parcelContract, gradeContract] as const;

type Keep = 'inner' | 'left' | 'right' | 'full';

/** Orders with the parcels around them, and with the account's grade at their time; panes of parcels, sessions of orders. */
export function shopFlow(keep: Keep): FlowSet {
  return defineFlow({
    name: 'shop',
    version: 1,
    inputs: { order: orderContract, parcel: parcelContract, grade: gradeContract },
    outputs: ({ order, parcel, grade }) => ({
      sent: joinIntervals(order, parcel)
        .on(order.account, parcel.account)
        .within({ before: '1s', after: '2s' })
        .keep(keep)
        .of((left, right) => ({
          amount: left.amount,
          weight: right.weight,
          waited_ms: right.eventTimeMs.minus(left.eventTimeMs),
        })),
      graded: joinVersions(order, grade)
        .on(order.account, grade.account)
        .deletedWhen(grade.op.equals('delete'))
        .keep(keep === 'inner' ? 'inner' : 'left')
        .of((event, dimension) => ({ amount: event.amount, grade: dimension.grade })),
      weights: panes(parcel)
        .by(parcel.account)
        .tumbling('2s')
        .of({ parcels: count(), weight: sum(parcel.weight), spread: stddev(parcel.weight) }),
      visits: panes(order)
        .by(order.account)
        .session('1s')
        .of({ orders: count(), amount: sum(order.amount) }),
    }),
  });
}

/** What is keyed by something else than its topic: parcels by their weight, orders with parcels of the same number. */
export const crossedFlow = defineFlow({
  name: 'crossed',
  version: 1,
  inputs: { order: orderContract, parcel: parcelContract },
  outputs: ({ order, parcel }) => ({
    sizes: panes(parcel).by(parcel.weight).tumbling('2s').of({ parcels: count() }),
    alike: joinIntervals(order, parcel)
      .on(order.amount, parcel.weight)
      .within({ before: '2s', after: '2s' })
      .keep('full')
      .of((left, right) => ({ amount: left.amount, account: right.account })),
  }),
});

/** A join that holds hardly anything. */
export const tightFlow = defineFlow({
  name: 'tight',
  version: 1,
  inputs: { order: orderContract, parcel: parcelContract },
  outputs: ({ order, parcel }) => ({
    sent: joinIntervals(order, parcel)
      .on(order.account, parcel.account)
      .within({ after: '60s' })
      .limit({ perKeyMax: 8, perGroupMax: 12 })
      .of((left, right) => ({ amount: left.amount, weight: right.weight })),
  }),
});
