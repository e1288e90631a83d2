import { createKeyedState, stepKeyed } from '../core/keyed-pipeline.ts';
import { WeirError } from '../core/contract/failure.ts';
import { advanceByEvent } from '../core/engine/admission.ts';
import type { Watermarks } from '../core/engine/watermark.ts';
import { labelKeyOf } from '../core/features/state.ts';
import { arrive, type Arrival, type EventArrival, targetHashOf } from '../core/steps/arrival.ts';
import type { Claim, KeptRecord, KeyedPort, PartitionProgress, SourcePosition } from '../core/steps/keyed-port.ts';
import type { KeyedState } from '../core/steps/keyed-state.ts';
import { unpackKeyed } from '../core/steps/pack-keyed.ts';
import { candidateOf, refuse } from '../core/steps/set-aside.ts';
import { createEffects, type Counts } from '../core/sinks/effects.ts';
import { headOf, type KeptBy, keptBy, unpackEvent } from '../core/sinks/kept-event.ts';
import type { Decision } from '../core/score/decision.ts';
import type { Weir } from '../core/steps/state.ts';
import { parseReferences } from './kept-references.ts';
import type { KeyedRuntime, PartitionBatch, PartitionOutcome, Taken, TakenKey } from './keyed-batch.ts';
import { commitTaken } from './keyed-commit.ts';

/**
 * Takes records of a partition: claims it, loads the accounts that they touch, runs the core over them in order, and
 * commits: ledger and what went aside first, state next, the partition's progress last. Stops at the first record that fails.
 */
export async function takePartition(runtime: KeyedRuntime, batch: PartitionBatch): Promise<PartitionOutcome> {
  const counts: Counts = new Map();
  try {
    const claim = await runtime.port.claim(batch.source);
    const taken = await takeRecords(runtime, claim, batch);
    const outcome = await commitTaken(runtime, taken, counts);
    return { ...outcome, counts };
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    return { failedAt: 0, error, counts };
  }
}

/** Runs the core over the records after a partition's progress; nothing is kept yet. */
export async function takeRecords(runtime: ReadingRuntime, claim: Claim, batch: PartitionBatch): Promise<Taken> {
  const { progress } = claim;
  const arrivals = arriveNew(batch, progress);
  const watermarks = { inputs: new Map(progress.inputs), stateMs: progress.stateMs ?? Number.NEGATIVE_INFINITY };
  const loading = await loadKeys(runtime, { claim, watermarks, arrivals });
  const found = await runtime.port.findEvents(lookups(runtime, loading, arrivals));
  const byOf = await referencesOf(runtime, claim, found);
  const refused: Taken['refused'][number][] = [];
  const after: PartitionProgress[] = [];
  let last = progress;
  batch.records.forEach(({ position }, at) => {
    const arrival = arrivals.get(at);
    if (arrival !== undefined && (arrival.kind === 'event' || arrival.kind === 'refused')) {
      if (arrival.kind === 'refused') {
        const effects = createEffects();
        refuse({ arrival, refusal: arrival.decoded.refusal, effects });
        refused.push({ at, effects });
      } else takeEvent(runtime, { arrival, at, claim, key: loading.get(keyOf(arrival))!, found, byOf });
      const inputs = [...watermarks.inputs];
      const stateMs = Number.isFinite(watermarks.stateMs) ? watermarks.stateMs : null;
      last = { position, nextOffset: arrival.record.offset + 1, inputs, stateMs };
    }
    after.push(last);
  });
  return { claim, batch, keys: loading, refused, progress: after };
}

/** What taking records reads of what is kept. */
export type ReadingRuntime = Pick<KeyedRuntime, 'weir' | 'by'> & {
  readonly port: Pick<KeyedPort, 'loadStates' | 'findEvents' | 'findReferences'>;
};

/** What the events of this partition that are kept already were decided by: the model may have changed meanwhile. */
async function referencesOf(
  { by, port }: ReadingRuntime,
  { source }: Claim,
  found: ReadonlyMap<string, KeptRecord>,
): Promise<(record: KeptRecord) => KeptBy> {
  const known = new Map([[by.mark, by]]);
  for (const record of found.values()) {
    const { mark } = headOf(record.bytes);
    if (record.source !== source || known.has(mark)) continue;
    const json = await port.findReferences(mark);
    // The value is what a function of this program kept.
    if (json === null) continue;
    known.set(mark, keptBy(parseReferences(json)));
  }
  return (record) => known.get(headOf(record.bytes).mark) ?? by;
}

/** The records after the partition's progress, by their place in the batch: those before it are committed. */
function arriveNew({ records, partition }: PartitionBatch, progress: PartitionProgress): Map<number, Arrival> {
  const arrivals = new Map<number, Arrival>();
  let { nextOffset } = progress;
  records.forEach(({ contract: topic, position, offset: ofSource, ingestTimeMs, bytes }, at) => {
    if (progress.position !== null && !isAfter(position, progress.position)) return;
    const offset = ofSource ?? nextOffset;
    nextOffset = offset + 1;
    arrivals.set(at, arrive({ topic, partition, offset, ingestTimeMs, bytes }));
  });
  return arrivals;
}

function isAfter(left: SourcePosition, right: SourcePosition): boolean {
  if (left.sequence !== right.sequence) return BigInt(left.sequence) > BigInt(right.sequence);
  return left.subsequence > right.subsequence;
}

/** The key of an account's state. */
function keyOf({ event: { event } }: EventArrival): string {
  return `account#${event.tenantId}#${event.accountId}`;
}

async function loadKeys(
  { weir, port }: ReadingRuntime,
  asked: { readonly claim: Claim; readonly watermarks: Watermarks; readonly arrivals: ReadonlyMap<number, Arrival> },
): Promise<ReadonlyMap<string, TakenKey>> {
  const { claim, watermarks, arrivals } = asked;
  const keys = new Set([...arrivals.values()].flatMap((arrival) => (arrival.kind === 'event' ? [keyOf(arrival)] : [])));
  const kept = await port.loadStates([...keys]);
  return new Map(
    [...keys].map((key) => {
      const before = kept.get(key) ?? null;
      if (before !== null && before.source !== claim.source) throw moved(before.source, claim.source);
      const keyed = before === null ? createKeyedState(weir, watermarks) : unpackKeyed(weir, watermarks, before.bytes);
      return [key, { keyed, before, records: [] }];
    }),
  );
}

/** The ids that an account does not remember: they may have been decided long ago. */
function lookups(
  { weir }: ReadingRuntime,
  keys: ReadonlyMap<string, TakenKey>,
  arrivals: ReadonlyMap<number, Arrival>,
): string[] {
  const asked = new Set<string>();
  for (const arrival of arrivals.values()) {
    if (arrival.kind !== 'event') continue;
    const { state } = keys.get(keyOf(arrival))!.keyed;
    if (!state.admission.remembered.has(arrival.idHash)) asked.add(arrival.idHash);
    const { topic, event } = arrival.event;
    if (topic !== 'payments.dispute.v1' || weir.features.plan.label === null) continue;
    if (!state.features.labelled.has(labelKeyOf({ ...event, eventId: event.authorizationId })))
      asked.add(targetHashOf(event));
  }
  return [...asked];
}

function takeEvent(
  { weir }: ReadingRuntime,
  taking: {
    readonly byOf: (record: KeptRecord) => KeptBy;
    readonly arrival: EventArrival;
    readonly at: number;
    readonly claim: Claim;
    readonly key: TakenKey;
    readonly found: ReadonlyMap<string, KeptRecord>;
  },
): void {
  const { arrival, at, claim, key, found, byOf } = taking;
  const { keyed, records } = key;
  const own = found.get(arrival.idHash);
  const isKept = own !== undefined && own.source === claim.source && own.offset === arrival.record.offset;
  const bodyHashOf = (id: string): string | undefined => {
    const record = found.get(id);
    return record === undefined ? undefined : headOf(record.bytes).bodyHash;
  };
  if (key.before !== null && arrival.record.offset <= key.before.appliedOffset) {
    return passAgain(weir, keyed, arrival, bodyHashOf(arrival.idHash));
  }
  const known = new Map<string, string>();
  const ids = [...(isKept ? [] : [arrival.idHash]), ...targetsOf(arrival)];
  for (const id of ids) {
    const bodyHash = bodyHashOf(id);
    if (bodyHash !== undefined) known.set(id, bodyHash);
  }
  const recorded = new Map<number, Decision>();
  const decision = isKept ? unpackEvent(byOf(own), own.bytes, arrival.idHash).decision : null;
  if (decision !== null) recorded.set(arrival.record.offset, decision);
  records.push({ at, arrival, effects: stepKeyed(weir, keyed, { arrival, known, recorded }), isKept });
}

function targetsOf({ event: { topic, event } }: EventArrival): string[] {
  return topic === 'payments.dispute.v1' ? [targetHashOf(event)] : [];
}

/** A record that its account has applied before the partition's progress was committed moves the watermark alone. */
function passAgain(weir: Weir, { state }: KeyedState, arrival: EventArrival, keptBodyHash: string | undefined): void {
  const candidate = candidateOf(weir, arrival);
  if (candidate.eventTimeMs - candidate.ingestTimeMs > candidate.maxFutureMs) return;
  const firstBodyHash = state.admission.remembered.get(arrival.idHash)?.bodyHash ?? keptBodyHash;
  if (firstBodyHash === undefined || !arrival.bodyHash.startsWith(firstBodyHash)) return;
  advanceByEvent(state.watermarks, candidate);
}

function moved(was: string, is: string): WeirError {
  return new WeirError({
    code: 'KEY_MOVED',
    message: `got a record of an account in ${is}, expected it in ${was}, where its state was made: partitions or shards have changed`,
    fix: 'Stop the function. Copy the stream, by its keys, into a new one, and begin there with empty tables.',
    facts: { was, is },
  });
}
