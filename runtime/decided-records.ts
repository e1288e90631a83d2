import type { OutgoingRecord, PackedRecords } from '../adapters/kafka/port.ts';
import { noTraces } from '../adapters/opentelemetry/port.ts';
import { outcomes as outcomeNames } from '../core/score/decision-columns.ts';
import type { DecisionValues } from '../core/score/decision-values.ts';
import { countUp } from '../core/sinks/effects.ts';
import type { DurableBatch } from './columnar.ts';
import type { KafkaPlan } from './kafka-partition.ts';

/** Decisions of a batch as what is to be written of them. */
export type DecidedRecords = {
  /** Those whose values are no JSON. */
  readonly records: readonly OutgoingRecord[];
  readonly packed: PackedRecords | undefined;
  /** Where in the log the event of each is. */
  readonly offsets: readonly number[];
  readonly outcomes: ReadonlyMap<string, number>;
};

/** The decisions of a batch that are to be published, by the place of their events in the log. */
export function decidedOf(
  { decisionsTopic: topic, writer, traces = noTraces }: KafkaPlan,
  { decisions, values }: Pick<DurableBatch, 'decisions' | 'values'>,
  { partition, isNew }: { readonly partition: number; readonly isNew: (offset: number) => boolean },
): DecidedRecords {
  const headers = traces.headers();
  const { encode, jsonPrefix } = writer;
  if (jsonPrefix === null) {
    const fresh = decisions.filter(({ offset }) => isNew(offset));
    const records = fresh.map((decision) => ({
      topic,
      partition,
      key: Buffer.from(decision.accountId),
      value: encode(decision),
      headers,
    }));
    const outcomes = countEach(fresh.map(({ outcome }) => outcome));
    return { records, packed: undefined, offsets: fresh.map(({ offset }) => offset), outcomes };
  }
  const fresh = valuesFrom(values, isNew);
  const offsets = [...fresh.offsets.subarray(0, fresh.count)];
  const packed = { ...fresh, topic, partition, headers, valuePrefix: jsonPrefix };
  return { records: [], packed, offsets, outcomes: outcomesOf(fresh) };
}

/** How many decisions have each outcome. */
export function outcomesOf({ outcomes, count }: DecisionValues): ReadonlyMap<string, number> {
  return countEach(Array.from(outcomes.subarray(0, count), (place) => outcomeNames[place]!));
}

/** The values of a batch that are to be published: usually all of them, as they are. */
export function valuesFrom(values: DecisionValues, isWanted: (offset: number) => boolean): DecisionValues {
  const wanted: number[] = [];
  for (let index = 0; index < values.count; index++) if (isWanted(values.offsets[index]!)) wanted.push(index);
  if (wanted.length === values.count) return values;
  const picked = (bytes: Uint8Array, ends: Uint32Array) =>
    joinParts(wanted.map((index) => bytes.subarray(index === 0 ? 0 : ends[index - 1]!, ends[index])));
  const keys = picked(values.keys, values.keyEnds);
  const texts = picked(values.values, values.valueEnds);
  return {
    count: wanted.length,
    keys: keys.bytes,
    keyEnds: keys.ends,
    values: texts.bytes,
    valueEnds: texts.ends,
    offsets: Float64Array.from(wanted, (index) => values.offsets[index]!),
    outcomes: Uint8Array.from(wanted, (index) => values.outcomes[index]!),
  };
}

function joinParts(parts: readonly Uint8Array[]) {
  const ends = new Uint32Array(parts.length);
  let length = 0;
  for (const [index, part] of parts.entries()) ends[index] = length += part.length;
  const bytes = new Uint8Array(length);
  for (const [index, part] of parts.entries()) bytes.set(part, ends[index]! - part.length);
  return { bytes, ends };
}

function countEach(outcomes: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) countUp(counts, outcome);
  return counts;
}
