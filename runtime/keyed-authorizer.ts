import { setTimeout as delay } from 'node:timers/promises';
import type { Begun, IdempotencyTable } from '../adapters/dynamodb/idempotency.ts';
import type { Answer, DecisionAnswer, ScoringPort, SubmittedEvent } from '../adapters/http/port.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { Decision } from '../core/score/decision.ts';
import { viewOfDecision } from '../core/score/decision-view.ts';
import { headOf, type KeptBy, keptBy, packEvent, type References, unpackEvent } from '../core/sinks/kept-event.ts';
import { arrive, type EventArrival } from '../core/steps/arrival.ts';
import type { KeptRecord, KeyedStep, PartitionProgress, RequestPort } from '../core/steps/keyed-port.ts';
import { packKeyed } from '../core/steps/pack-keyed.ts';
import { candidateOf, conflict } from '../core/steps/set-aside.ts';
import type { Weir } from '../core/steps/state.ts';
import { parseReferences } from './kept-references.ts';
import type { Taken } from './keyed-batch.ts';
import { asideOf } from './keyed-commit.ts';
import { takeRecords } from './keyed-partition.ts';

export type KeyedAuthorizerOptions = {
  readonly weir: Weir;
  readonly by: KeptBy;
  readonly port: RequestPort;
  readonly idempotency: IdempotencyTable;
  /** Milliseconds UTC. */
  readonly clockMs: () => number;
};

/** Processes that write to one account at once: each round lets one of them through. */
const attemptsMax = 20;
const backoffMs = 10;
const backoffMsMax = 200;

/**
 * Decides what callers wait for over keyed state that many processes share. Each account is a source of its own: its events
 * have offsets and a watermark of theirs, and whoever decides writes event, entries, state and progress in one transaction
 * over what it has read, or reads again. So the next request of an account sees the one before, whichever process took it.
 */
export function openKeyedAuthorizer(options: KeyedAuthorizerOptions): ScoringPort {
  return {
    submit: (event) => submit(options, event),
    decision: async (decisionId) => {
      const record = (await options.port.findEvents([decisionId])).get(decisionId);
      const answer = record === undefined ? null : await answerKept(options, decisionId, record);
      return answer?.kind === 'decided' ? answer.decision : null;
    },
    isReady: () => true,
  };
}

/** Throws `IN_FLIGHT` while another request decides the same event, and `ACCOUNT_CONTENDED`. */
async function submit(options: KeyedAuthorizerOptions, { topic, bytes }: SubmittedEvent): Promise<Answer> {
  const { weir, idempotency, clockMs } = options;
  const ingestTimeMs = clockMs();
  const arrival = arrive({ topic, partition: 0, offset: 0, ingestTimeMs, bytes });
  if (arrival.kind !== 'event') throw new TypeError(`got ${arrival.kind}, expected an event that its contract takes`);
  const { idHash, bodyHash } = arrival;
  const asked = { arrival, topic, bytes, ingestTimeMs };
  const candidate = candidateOf(weir, arrival);
  // Too far ahead now may be right later: it holds no id.
  if (candidate.eventTimeMs - candidate.ingestTimeMs > candidate.maxFutureMs) return takeAtOnce(options, asked);
  const begun = await idempotency.begin({ idHash, bodyHash });
  if (begun.kind !== 'begun') return answerOf(options, asked, begun);
  const answer = await takeAtOnce(options, asked);
  await idempotency.answer(idHash, begun.attempt, Buffer.from(JSON.stringify(answer))).catch(ignoreLater);
  return answer;
}

/** A later attempt has begun: it finds what this one has kept, and answers the same. */
function ignoreLater(error: unknown): void {
  if (!(error instanceof WeirError && error.code === 'ATTEMPT_SUPERSEDED')) throw error;
}

/** What an id that is known already is answered with. The ledger knows it for ever, and has the last word. */
async function answerOf(
  options: KeyedAuthorizerOptions,
  asked: AskedEvent,
  begun: Exclude<Begun, { readonly kind: 'begun' }>,
): Promise<Answer> {
  const { idHash, bodyHash } = asked.arrival;
  const record = (await options.port.findEvents([idHash])).get(idHash);
  // Another body under a known id goes aside as well.
  if (record !== undefined)
    return headOf(record.bytes).bodyHash === bodyHash
      ? answerKept(options, idHash, record)
      : takeAtOnce(options, asked);
  if (begun.kind === 'conflict') return { kind: 'refused', refusal: conflict };
  throw new WeirError({
    code: 'IN_FLIGHT',
    message: 'got an event that another request is deciding at this moment, expected to be the only one',
    fix: 'Send it again in a second: the same eventId is decided once.',
    facts: { idHash },
  });
}

type AskedEvent = {
  readonly arrival: EventArrival;
  readonly topic: string;
  readonly bytes: Uint8Array;
  readonly ingestTimeMs: number;
};

async function takeAtOnce(options: KeyedAuthorizerOptions, asked: AskedEvent): Promise<Answer> {
  const { tenantId, accountId } = asked.arrival.event.event;
  const source = `api#${tenantId}#${accountId}`;
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const answer = await tryOnce(options, source, asked);
    if (answer !== null) return answer;
    await delay(Math.random() * Math.min(backoffMsMax, backoffMs * 2 ** attempt));
  }
  throw new WeirError({
    code: 'ACCOUNT_CONTENDED',
    message: `got an account that others wrote to in each of ${attemptsMax} attempts, expected a moment in between`,
    fix: 'Send it again in a second: the same eventId is decided once.',
    facts: { attemptsMax },
  });
}

/** Null when somebody else wrote to the account meanwhile. */
async function tryOnce(options: KeyedAuthorizerOptions, source: string, asked: AskedEvent): Promise<Answer | null> {
  const { port, by } = options;
  const { topic, bytes, ingestTimeMs, arrival } = asked;
  const claim = await port.look(source);
  const record = { contract: topic, key: '', position: after(claim.progress), offset: null, ingestTimeMs, bytes };
  const taken = await takeRecords(options, claim, { source, partition: 0, records: [record] });
  const [[key, { keyed, before, records }] = none()] = taken.keys;
  const [first] = records;
  // The account has applied this offset: another process wrote between the look and the load.
  if (first === undefined) return null;
  const { effects, arrival: placed } = first;
  if (!effects.accepted && effects.deadLetters.length === 0) {
    const kept = (await port.findEvents([arrival.idHash])).get(arrival.idHash);
    // What the account remembers and the ledger has not shown yet is there at the next look.
    return kept === undefined ? null : answerKept(options, arrival.idHash, kept);
  }
  const decision = effects.decisions[0] ?? null;
  const { offset } = placed.record;
  const { ledgerEntries: entries, chainHash } = effects;
  const event = { source, offset, bytes: packEvent(by, { bodyHash: placed.bodyHash, decision, entries, chainHash }) };
  const state = { key, bytes: packKeyed(options.weir, keyed), appliedOffset: keyed.appliedOffset, before };
  const step: KeyedStep = {
    claim,
    progress: taken.progress[0] ?? none(),
    aside: asideOf(effects, { source, contract: topic, key: '' }),
    taken: effects.accepted ? { idHash: arrival.idHash, event, ...state } : null,
  };
  if (!(await port.commitAtOnce(step))) return null;
  const letter = effects.deadLetters[0];
  if (letter !== undefined) return { kind: 'refused', refusal: letter.refusal };
  return decision === null
    ? { kind: 'accepted', offset }
    : { kind: 'decided', decision: told(decision, by.references), isRepeat: false };
}

function none(): never {
  throw new Error('got nothing of an event that was taken, expected one key and its progress');
}

/** The place of the next event of a source that counts its own. */
function after({ position }: PartitionProgress): Taken['batch']['records'][number]['position'] {
  return { sequence: String(BigInt(position?.sequence ?? '0') + 1n), subsequence: 0 };
}

/** The answer that an event got, from what the ledger keeps of it; the model may have changed meanwhile. */
async function answerKept({ by, port }: KeyedAuthorizerOptions, idHash: string, record: KeptRecord): Promise<Answer> {
  const { mark } = headOf(record.bytes);
  const json = mark === by.mark ? null : await port.findReferences(mark);
  const of = json === null ? by : keptBy(parseReferences(json));
  const { decision } = unpackEvent(of, record.bytes, idHash);
  return decision === null
    ? { kind: 'accepted', offset: record.offset }
    : { kind: 'decided', decision: told(decision, of.references), isRepeat: true };
}

function told(decision: Decision, { featureNames }: References): DecisionAnswer {
  const { decisionId, tenantId } = decision;
  return { decisionId, tenantId, text: JSON.stringify(viewOfDecision(decision, featureNames)) };
}
