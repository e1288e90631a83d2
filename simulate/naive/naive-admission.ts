import { isDeepStrictEqual } from 'node:util';
import { inputContracts } from '../../core/contract/contracts.ts';
import type { Contract } from '../../core/contract/contract.ts';
import type { DomainEvent } from '../../core/contract/domain-event.ts';
import type { LogItem } from '../hostile/log.ts';

/** An accepted event with what was said of it on arrival; `index` is its place in the log. */
export type Accepted = {
  readonly index: number;
  readonly offset: number;
  readonly domain: DomainEvent;
  readonly status: 'onTime' | 'late' | 'tooLate';
  /** What judged it on arrival: its input's, or the state's where that is ahead, as for an input first seen late. */
  readonly watermarkMs: number;
  /** Of the state, on arrival. */
  readonly stateMs: number;
};

/** What became of a record. */
export type Judged =
  | { readonly kind: 'accepted'; readonly accepted: Accepted }
  | { readonly kind: 'duplicate' | 'end' }
  | { readonly kind: 'dead'; readonly topic: string; readonly code: string };

/** What watermarks are kept for. */
export type WatermarkPer = 'input' | 'topic';

/** Judges a record by all that came before it: future, duplicate or conflict, lateness. */
export function judge(per: WatermarkPer, history: readonly Judged[], { record, meaning }: LogItem): Judged {
  if (meaning.kind === 'end') return { kind: 'end' };
  if (meaning.kind === 'refused') return { kind: 'dead', topic: meaning.topic, code: meaning.code };
  const { domain } = meaning;
  const { topic, event } = domain;
  const contract = contractOf(topic);
  if (event.eventTimeMs > record.ingestTimeMs + contract.maxFutureMs) return { kind: 'dead', topic, code: 'future' };
  const first = acceptedIn(history).find((earlier) => isSameId(earlier.domain, domain));
  if (first !== undefined) {
    const isCopy = isDeepStrictEqual(first.domain, domain);
    return isCopy ? { kind: 'duplicate' } : { kind: 'dead', topic, code: 'conflict' };
  }
  const stateMs = stateWatermarkMs(per, history);
  const watermarkMs = Math.max(inputWatermarkMs(per, history, topic), stateMs);
  const isLate = event.eventTimeMs <= watermarkMs;
  const isTooLate = event.eventTimeMs <= watermarkMs - contract.allowedLatenessMs;
  const status = isTooLate ? 'tooLate' : isLate ? 'late' : 'onTime';
  const accepted = { index: history.length, offset: record.offset, domain, status, watermarkMs, stateMs } as const;
  return { kind: 'accepted', accepted };
}

/** The watermark of the state: the minimum of the inputs seen, the highest that it ever was; +infinity after the end. */
export function stateWatermarkMs(per: WatermarkPer, history: readonly Judged[]): number {
  if (history.some(({ kind }) => kind === 'end')) return Infinity;
  const inputs = new Map<string, number>();
  let stateMs = -Infinity;
  for (const { domain } of acceptedIn(history)) {
    const input = per === 'topic' ? domain.topic : 'input';
    inputs.set(input, Math.max(inputs.get(input) ?? -Infinity, reachedBy(domain)));
    stateMs = Math.max(stateMs, Math.min(...inputs.values()));
  }
  return stateMs;
}

/** The contract of an event that came in. */
export function contractOf(topic: string): Contract {
  const contract = inputContracts.get(topic);
  if (contract === undefined) throw new Error(`got topic ${topic}, expected one that comes in`);
  return contract;
}

function inputWatermarkMs(per: WatermarkPer, history: readonly Judged[], topic: string): number {
  const sameInput = acceptedIn(history).filter(({ domain }) => per === 'input' || domain.topic === topic);
  return Math.max(-Infinity, ...sameInput.map(({ domain }) => reachedBy(domain)));
}

function acceptedIn(history: readonly Judged[]): Accepted[] {
  return history.flatMap((judged) => (judged.kind === 'accepted' ? [judged.accepted] : []));
}

function reachedBy({ topic, event }: DomainEvent): number {
  return event.eventTimeMs - contractOf(topic).outOfOrdernessMs;
}

/** An id names an event of one topic, tenant and account. */
function isSameId(left: DomainEvent, right: DomainEvent): boolean {
  return (
    left.topic === right.topic &&
    left.event.tenantId === right.event.tenantId &&
    left.event.accountId === right.event.accountId &&
    left.event.eventId === right.event.eventId
  );
}
