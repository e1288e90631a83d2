import type { z } from 'zod';
import type { Duration } from './duration.ts';

/** A label that a later event of another topic gives to an event of this contract, such as the fraud that a dispute reports. */
export type Label = {
  /** Of the events that carry the label. */
  readonly topic: string;
  /** The field of the label's event that holds the labelled event's `eventId`. */
  readonly refersTo: string;
  /** How long after the labelled event the label counts as known; a definition that reads it sooner does not compile. */
  readonly knownAfter: Duration;
  /** Only label events whose field equals this value carry the label; all do without it. */
  readonly when?: { readonly field: string; readonly equals: string | number | boolean };
};

/** The versioned shape of one topic's events and the times that the engine keeps for them. */
export type Contract<Event = unknown> = {
  /** The name with its version, such as `payments.authorization.v1`. */
  readonly topic: string;
  readonly schema: z.ZodType<Event>;
  /** The field that partitions the topic. */
  readonly key: string;
  /** Other fields whose values belong to one key each, such as a card within its account. */
  readonly nested: readonly string[];
  /** The field that names an event within its key; `eventId` without it. */
  readonly idField?: string;
  readonly eventTimeField: 'eventTimeMs';
  /** How far the watermark stays behind the latest event. */
  readonly outOfOrdernessMs: number;
  /** How far behind the watermark an event may be and still enter the state. */
  readonly allowedLatenessMs: number;
  /** How far an event may be ahead of its ingest time before it goes to the dead letters. */
  readonly maxFutureMs: number;
  /** How long a partition may be silent before it stops holding back the watermark of those that it is merged with. */
  readonly idleMs: number;
  readonly retentionMs: number;
  readonly partitions: number;
  readonly labels?: Readonly<Record<string, Label>>;
};

type Definition<Event> = Omit<Contract<Event>, 'schema' | 'key' | 'nested'> & {
  readonly key: keyof Event & string;
  readonly nested: readonly (keyof Event & string)[];
};

/**
 * Defines a contract and keeps the literal types of its topic, key, nested fields and label names.
 * Throws when the topic has no version suffix or a time or count is not a whole number.
 */
export function defineContract<Event, const Shape extends Definition<Event>>(
  contract: Shape & { readonly schema: z.ZodType<Event> },
): Shape & Contract<Event> {
  if (!/^[a-z]+(\.[a-z]+)+\.v[1-9]\d*$/.test(contract.topic)) {
    throw new Error(
      `got topic ${contract.topic}, expected a dotted name with a version, such as payments.authorization.v1`,
    );
  }
  requireWhole(contract, ['outOfOrdernessMs', 'allowedLatenessMs', 'maxFutureMs', 'idleMs', 'retentionMs'], 0);
  requireWhole(contract, ['partitions'], 1);
  return contract;
}

type NumberField = 'outOfOrdernessMs' | 'allowedLatenessMs' | 'maxFutureMs' | 'idleMs' | 'retentionMs' | 'partitions';

function requireWhole(
  contract: Pick<Contract, 'topic' | NumberField>,
  fields: readonly NumberField[],
  minimum: number,
): void {
  for (const field of fields) {
    const value = contract[field];
    if (Number.isSafeInteger(value) && value >= minimum) continue;
    throw new Error(
      `got ${field} ${value} in contract ${contract.topic}, expected a whole number of at least ${minimum}`,
    );
  }
}
