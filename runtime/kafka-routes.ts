import type { OutgoingRecord } from '../adapters/kafka/port.ts';
import { authorizationContract } from '../core/contract/authorization.ts';
import { noWatermarkMs } from '../core/engine/watermark.ts';
import { placeRoutedEvent, type RoutedEvent, writeSourceTime } from '../core/steps/repartition-record.ts';
import type { DurableBatch } from './columnar.ts';
import type { KafkaPlan } from './kafka-partition.ts';
import type { ViewReads } from './owned-partition.ts';
import type { Scoring } from './scoring.ts';

/**
 * The records of events for the owners of their foreign keys; the key's hash chooses the partition. `sourceOf` says where
 * the topics have a record of the log, null where it has been routed before.
 */
export function routedRecords(
  { foreign }: KafkaPlan,
  routed: readonly RoutedEvent[],
  sourceOf: (logOffset: number) => { readonly partition: number; readonly offset: number } | null,
): OutgoingRecord[] {
  return routed.flatMap((event) => {
    const source = sourceOf(event.logOffset);
    if (source === null) return [];
    placeRoutedEvent(event.bytes, source);
    return [{ topic: foreign[event.foreign]!.repartition, key: Buffer.from(event.key), value: event.bytes }];
  });
}

/**
 * Tells all owners of foreign keys how far the event time of a source partition has come, so that theirs moves on also
 * where none of its events come to them; and when it has fallen silent, so that it holds nobody back.
 */
export function createSourceTime(options: {
  readonly plan: KafkaPlan;
  readonly partition: number;
  readonly scoring: Pick<Scoring, 'totals'>;
  readonly commit: (work: { readonly records: OutgoingRecord[]; readonly offsets: [] }) => Promise<void>;
}): { readonly noteSpoken: () => void; readonly tell: () => Promise<void> } {
  const { plan, partition, scoring, commit } = options;
  let spokenMs = performance.now();
  let told: { readonly watermarkMs: number; readonly isIdle: boolean } | null = null;
  return {
    noteSpoken: () => (spokenMs = performance.now()),
    tell: async () => {
      const isIdle = performance.now() - spokenMs >= authorizationContract.idleMs;
      const watermarkMs = scoring.totals().watermarkMs ?? noWatermarkMs;
      if (told !== null && told.watermarkMs === watermarkMs && told.isIdle === isIdle) return;
      const value = writeSourceTime({ partition, watermarkMs, isIdle });
      const records = plan.foreign.flatMap(({ repartition: topic }) =>
        Array.from({ length: plan.partitions }, (_, target) => ({ topic, partition: target, key: null, value })),
      );
      await commit({ records, offsets: [] });
      told = { watermarkMs, isIdle };
    },
  };
}

/** What the decisions of a batch that are published read of views. */
export function readsOf(
  { foreign }: KafkaPlan,
  { reads }: Pick<DurableBatch, 'reads'>,
  offsets: readonly number[],
  firstLogOffset: number,
): ViewReads[] {
  return foreign.map(({ key: { field } }, number) => {
    const places = offsets.map((offset) => (offset - firstLogOffset) * reads.foreignCount + number);
    const read = places.filter((at) => reads.foreignOffset[at]! >= 0);
    return { field, agesMs: read.map((at) => reads.foreignAgeMs[at]!), missing: places.length - read.length };
  });
}
