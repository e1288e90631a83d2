import { WeirError } from '../core/contract/failure.ts';
import type { AsideItem, PartitionProgress } from '../core/steps/keyed-port.ts';
import { packKeyed } from '../core/steps/pack-keyed.ts';
import { countUp, type Counts, type Effects } from '../core/sinks/effects.ts';
import { packEvent } from '../core/sinks/kept-event.ts';
import type { KeyedRuntime, PartitionOutcome, Taken, TakenKey } from './keyed-batch.ts';

/** Accounts whose writes are under way at the same time. */
const writersMax = 32;

/**
 * Keeps what a batch did. Each account by itself and in its order: what went aside, then the ledger, then its state. The
 * partition's progress comes last, up to the first record of an account that failed.
 */
export async function commitTaken(
  runtime: KeyedRuntime,
  taken: Taken,
  counts: Counts,
): Promise<Omit<PartitionOutcome, 'counts'>> {
  const failures: { readonly at: number; readonly error: unknown }[] = [];
  const attempt = async (at: number, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      failures.push({ at, error });
    }
  };
  const works = [
    ...taken.refused.map(
      ({ at, effects }) =>
        async () =>
          attempt(at, async () => setAside(runtime, taken, { at, effects, counts })),
    ),
    ...[...taken.keys].map(
      ([name, key]) =>
        async () =>
          attempt(key.records[0]?.at ?? 0, async () => commitKey(runtime, taken, { name, key, counts })),
    ),
  ];
  await inTurn(works);
  const fence = failures.find(({ error }) => error instanceof WeirError && error.code === 'FENCED');
  if (fence !== undefined) return { failedAt: 0, error: fence.error };
  const first = failures.toSorted((left, right) => left.at - right.at)[0];
  const until = first?.at ?? taken.batch.records.length;
  const progress = taken.progress[until - 1];
  if (progress !== undefined && isAhead(progress, taken.claim.progress))
    await runtime.port.commit(taken.claim, progress);
  return { failedAt: first?.at ?? null, error: first?.error ?? null };
}

async function commitKey(
  { weir, by, port }: KeyedRuntime,
  taken: Taken,
  { name, key, counts }: { readonly name: string; readonly key: TakenKey; readonly counts: Counts },
): Promise<void> {
  const { claim } = taken;
  const { keyed, before, records } = key;
  for (const { at, arrival, effects, isKept } of records) {
    await setAside({ port }, taken, { at, effects, counts });
    if (!effects.accepted || isKept) continue;
    const decision = effects.decisions[0] ?? null;
    const kept = { bodyHash: arrival.bodyHash, decision, entries: effects.ledgerEntries, chainHash: effects.chainHash };
    const event = { source: claim.source, offset: arrival.record.offset, bytes: packEvent(by, kept) };
    const first = await port.keepEvent(arrival.idHash, event);
    if (!isSame(first, event)) throw decidedByAnother(claim.source, event.offset);
  }
  if (!records.some(({ effects }) => effects.accepted)) return;
  const { appliedOffset } = keyed;
  await port.saveState({ claim, key: name, bytes: packKeyed(weir, keyed), appliedOffset, before });
}

async function setAside(
  { port }: Pick<KeyedRuntime, 'port'>,
  { claim, batch }: Taken,
  { at, effects, counts }: { readonly at: number; readonly effects: Effects; readonly counts: Counts },
): Promise<void> {
  for (const [count, by] of effects.counts) countUp(counts, count, by);
  const { contract = '', key = '' } = batch.records[at] ?? {};
  for (const item of asideOf(effects, { source: claim.source, contract, key })) await port.setAside(item);
}

/** The dead letters and late events of a record. */
export function asideOf(
  effects: Effects,
  { source, contract, key }: { readonly source: string; readonly contract: string; readonly key: string },
): AsideItem[] {
  const letters = effects.deadLetters.map((letter): AsideItem => {
    const { offset, refusal, bytes } = letter;
    const detail = JSON.stringify(refusal);
    return { source, offset, kind: 'deadLetter', code: refusal.code, detail, contract, key, bytes };
  });
  const late = effects.lateEvents.map((event): AsideItem => {
    const { offset, reason, topic, lateByMs, watermarkMs } = event;
    const bytes = Buffer.from(JSON.stringify(event.event));
    const detail = JSON.stringify({ lateByMs, watermarkMs });
    return { source, offset, kind: 'late', code: reason, detail, contract: topic, key, bytes };
  });
  return [...letters, ...late];
}

async function inTurn(works: readonly (() => Promise<void>)[]): Promise<void> {
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let work = works[next++]; work !== undefined; work = works[next++]) await work();
  };
  await Promise.all(Array.from({ length: Math.min(writersMax, works.length) }, writer));
}

function isAhead({ position }: PartitionProgress, before: PartitionProgress): boolean {
  return position !== null && position !== before.position;
}

function isSame(
  left: { readonly source: string; readonly offset: number; readonly bytes: Uint8Array },
  right: { readonly source: string; readonly offset: number; readonly bytes: Uint8Array },
): boolean {
  return left.source === right.source && left.offset === right.offset && Buffer.compare(left.bytes, right.bytes) === 0;
}

function decidedByAnother(source: string, offset: number): WeirError {
  return new WeirError({
    code: 'DECIDED_BY_ANOTHER',
    message: `${source}: got another decision kept of the event at ${offset} meanwhile, expected to be the first: it is taken up when the record comes again`,
    facts: { source, offset },
  });
}
