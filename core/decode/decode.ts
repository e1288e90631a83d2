import { hash } from 'node:crypto';
import type { Contract } from '../contract/contract.ts';
import { type DomainEvent, eventReaders } from '../contract/domain-event.ts';
import { unmappableTopic } from '../contract/unmappable-header.ts';
import type { Violations } from '../contract/violations.ts';
import { canonicalJson } from './canonical.ts';
import { parseJson } from './parse-json.ts';
import type { Refusal } from './refusal.ts';
import { unwrapUnmappable } from './unmappable.ts';

/** The part of a log record that says what it is. */
export type Undecoded = { readonly topic: string; readonly bytes: Uint8Array };

/** An event, or why a record is none, with the original bytes and the topic that they were meant for. */
export type Decoded =
  | {
      readonly ok: true;
      readonly contract: Contract;
      readonly event: DomainEvent;
      /** SHA-256 of the canonical parsed event, 64 hexadecimal characters. */
      readonly bodyHash: string;
    }
  | { readonly ok: false; readonly refusal: Refusal; readonly bytes: Uint8Array; readonly topic: string };

/**
 * Turns a record's bytes into an event of the contract that its topic names. Never throws: bad bytes are a value. Of a
 * key that stands twice in one object the last value counts.
 */
export function decode({ topic, bytes }: Undecoded): Decoded {
  if (topic === unmappableTopic) return decodeUnmappable(bytes);
  const reader = eventReaders.get(topic);
  if (reader === undefined)
    return { ok: false, refusal: unknownContract(topic, [...eventReaders.keys()]), bytes, topic };
  const parsed = parseJson(bytes);
  if (!parsed.ok) return { ok: false, refusal: parsed.refusal, bytes, topic };
  const checked = reader.check(parsed.value);
  if (!checked.ok) return { ok: false, refusal: contractViolation(checked.violations), bytes, topic };
  const bodyHash = hash('sha256', canonicalJson(checked.event.event), 'hex');
  return { ok: true, contract: reader.contract, event: checked.event, bodyHash };
}

/** A source row that its mapping could not read, with the bytes and the topic that it was meant for. */
export function decodeUnmappable(wrapped: Uint8Array): Extract<Decoded, { ok: false }> {
  const row = unwrapUnmappable(wrapped);
  if (row === null) {
    const message = `got ${wrapped.length} bytes without a header, expected an unmappable source row`;
    return { ok: false, refusal: { code: 'notJson', message, issues: [] }, bytes: wrapped, topic: unmappableTopic };
  }
  const message = `source row ${row.sourceRow}: ${row.message}`;
  return {
    ok: false,
    refusal: { code: 'unmappable', message, issues: row.issues },
    bytes: row.bytes,
    topic: row.topic,
  };
}

/** Why a record of a topic that is not known is refused; other versions of its contract are named first. */
export function unknownContract(topic: string, known: readonly string[]): Refusal {
  const versions = known.filter((other) => nameOf(other) === nameOf(topic));
  const expected = (versions.length > 0 ? versions : known).join(' or ');
  return { code: 'unknownContract', message: `got contract ${topic}, expected ${expected}`, issues: [] };
}

function nameOf(topic: string): string {
  return topic.replace(/\.v\d+$/, '');
}

/** Why an event that breaks its contract is refused: the first thing that is wrong. */
export function contractViolation({ first, count }: Violations): Refusal {
  const [issue] = first;
  const where = issue === undefined || issue.path === '' ? '' : ` at ${issue.path}`;
  const more = count > 1 ? `, and ${count - 1} more ${count > 2 ? 'issues' : 'issue'}` : '';
  const message = `got ${issue?.got}${where}, expected ${issue?.expected}${more}`;
  return { code: 'contractViolation', message, issues: first };
}
