import { hash } from 'node:crypto';
import { WeirError } from '../contract/failure.ts';
import { createByteReader, type ByteReader } from '../engine/byte-reader.ts';
import { createByteWriter, type ByteWriter } from '../engine/byte-writer.ts';
import type { Decision, ReasonCode } from '../score/decision.ts';
import { type ReasonSubject, reasonOf, reasonSubjects } from '../score/reasons.ts';
import { entryKinds, entryOutcomes } from './entry-bytes.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/** What is kept for ever of an accepted event, under the hash of its idempotency key. */
export type KeptEvent = {
  readonly bodyHash: string;
  /** Null for an event that is no authorization. */
  readonly decision: Decision | null;
  /** What the account's ledger posted when the event was taken. */
  readonly entries: readonly LedgerEntry[];
  /** The hash of the account's chain after them. */
  readonly chainHash: string;
};

/** What decided; decisions name it by its mark. */
export type References = Pick<Decision, 'model' | 'ruleSet' | 'featureSet'> & {
  readonly featureNames: readonly string[];
};

/** References with their mark and what follows from them. */
export type KeptBy = {
  readonly references: References;
  /** 16 hexadecimal characters. */
  readonly mark: string;
  readonly subjects: readonly ReasonSubject[];
};

/** Makes references ready to keep events by. */
export function keptBy(references: References): KeptBy {
  const { featureNames } = references;
  const columns = Int32Array.from(featureNames, (_, index) => index);
  const mark = hash('sha256', JSON.stringify(references), 'hex').slice(0, markCharacters);
  return { references, mark, subjects: reasonSubjects({ model: { featureNames }, columns }) };
}

/** The bytes of a kept event: some 300 for a decision with its entry. */
export function packEvent(by: KeptBy, { bodyHash, decision, entries, chainHash }: KeptEvent): Uint8Array {
  const writer = createByteWriter();
  writer.natural(layout);
  writer.hex(by.mark);
  writer.hex(bodyHash);
  writer.hex(chainHash);
  writer.natural(decision === null ? 0 : 1);
  if (decision !== null) packDecision(writer, by, decision);
  writer.natural(entries.length);
  for (const entry of entries) packEntry(writer, entry);
  return writer.bytes();
}

/** What is read of a kept event without its references: their mark, and the event's body hash. */
export function headOf(bytes: Uint8Array): { readonly mark: string; readonly bodyHash: string } {
  const reader = createByteReader(bytes);
  reader.natural();
  return { mark: reader.hex(markCharacters), bodyHash: reader.hex(64) };
}

/** The event again. Throws `KEPT_BY_OTHERS` when the references are not those that it was kept by. */
export function unpackEvent({ references, mark, subjects }: KeptBy, bytes: Uint8Array, decisionId: string): KeptEvent {
  const reader = createByteReader(bytes);
  const found = { layout: reader.natural(), mark: reader.hex(markCharacters) };
  if (found.layout !== layout || found.mark !== mark) {
    throw new WeirError({
      code: 'KEPT_BY_OTHERS',
      message: `got an event kept in layout ${found.layout} by ${found.mark}, expected layout ${layout} and ${mark}`,
      facts: found,
    });
  }
  const bodyHash = reader.hex(64);
  const chainHash = reader.hex(64);
  const isDecided = reader.natural() === 1;
  const decision = isDecided ? unpackDecision(reader, { references, subjects, decisionId, bodyHash }) : null;
  const entries = Array.from({ length: reader.natural() }, () => unpackEntry(reader));
  return { bodyHash, decision, entries, chainHash };
}

const layout = 1;
const markCharacters = 16;
const contract = 'payments.authorization.v1';

function packDecision(writer: ByteWriter, by: KeptBy, decision: Decision): void {
  const { references, subjects } = by;
  writer.text(decision.tenantId);
  writer.text(decision.accountId);
  writer.text(decision.eventId);
  writer.integer(decision.eventTimeMs);
  writer.natural(decision.score);
  writer.natural(entryOutcomes.indexOf(decision.outcome));
  writer.natural(decision.partition);
  writer.natural(decision.offset);
  writer.value(decision.watermarkMs);
  writer.natural((decision.late ? 1 : 0) + (decision.tooLate ? 2 : 0));
  for (const feature of references.featureNames.keys()) writer.value(decision.features[feature] ?? null);
  writer.natural(decision.ruleHits.length);
  for (const { id, version, mode, scoreDelta } of decision.ruleHits) {
    writer.text(id);
    writer.natural(version * 2 + (mode === 'live' ? 1 : 0));
    writer.value(scoreDelta);
  }
  writer.natural(decision.reasonCodes.length);
  for (const reason of decision.reasonCodes) packReason(writer, subjects, reason);
  const { foreignReads, fallback } = decision;
  writer.text(foreignReads.length === 0 && fallback === null ? '' : JSON.stringify({ foreignReads, fallback }));
}

function unpackDecision(
  reader: ByteReader,
  kept: {
    readonly references: References;
    readonly subjects: readonly ReasonSubject[];
    readonly decisionId: string;
    readonly bodyHash: string;
  },
): Decision {
  const { references, subjects, decisionId, bodyHash } = kept;
  const { model, ruleSet, featureSet, featureNames } = references;
  const ids = { tenantId: reader.text(), accountId: reader.text(), eventId: reader.text() };
  const eventTimeMs = reader.integer();
  const score = reader.natural();
  const outcome = entryOutcomes[reader.natural()]!;
  const place = { topic: contract, partition: reader.natural(), offset: reader.natural() };
  const watermarkMs = numberOrNull(reader);
  const flags = reader.natural();
  const features = featureNames.map(() => numberOrNull(reader));
  const ruleHits = Array.from({ length: reader.natural() }, () => {
    const id = reader.text();
    const coded = reader.natural();
    const mode = coded % 2 === 1 ? ('live' as const) : ('shadow' as const);
    return { id, version: Math.floor(coded / 2), mode, scoreDelta: Number(reader.value()) };
  });
  const reasonCodes = Array.from({ length: reader.natural() }, () => unpackReason(reader, subjects, features));
  const rest = restOf(reader.text());
  const identity = { decisionId, contract, ...ids, eventTimeMs, bodyHash };
  const late = { late: flags % 2 === 1, tooLate: flags >= 2 };
  const judged = { score, outcome, reasonCodes, ruleHits, model, ruleSet, featureSet, features };
  return { ...identity, ...judged, ...place, watermarkMs, ...late, ...rest };
}

function packReason(writer: ByteWriter, subjects: readonly ReasonSubject[], reason: ReasonCode): void {
  const { feature, code, text, baseline, contribution } = reason;
  writer.natural(feature === null ? 0 : subjects.findIndex((subject) => subject.feature === feature) + 1);
  writer.value(contribution);
  if (feature !== null) return writer.value(baseline);
  writer.text(code);
  writer.text(text);
}

function unpackReason(
  reader: ByteReader,
  subjects: readonly ReasonSubject[],
  features: readonly (number | null)[],
): ReasonCode {
  const subject = subjects[reader.natural() - 1];
  const contribution = Number(reader.value());
  if (subject === undefined) {
    return { code: reader.text(), text: reader.text(), feature: null, value: null, baseline: null, contribution };
  }
  return reasonOf(subject, { value: features[subject.column] ?? null, baseline: numberOrNull(reader), contribution });
}

function packEntry(writer: ByteWriter, entry: LedgerEntry): void {
  const outcome = entry.outcome === null ? 0 : entryOutcomes.indexOf(entry.outcome) + 1;
  writer.natural((entryKinds.indexOf(entry.kind) * 2 + (entry.unmatched ? 1 : 0)) * 8 + outcome);
  writer.hex(entry.entryId.slice(0, 32));
  writer.text(entry.entryId.slice(32));
  writer.text(entry.tenantId);
  writer.text(entry.accountId);
  writer.text(entry.authorizationId);
  writer.integer(entry.eventTimeMs);
  writer.text(entry.debitAccount);
  writer.text(entry.creditAccount);
  writer.natural(entry.amountMinor);
  writer.text(entry.currency);
  writer.natural(entry.offset);
  writer.natural(entry.sequence);
}

function unpackEntry(reader: ByteReader): LedgerEntry {
  const coded = reader.natural();
  return {
    entryId: `${reader.hex(32)}${reader.text()}`,
    tenantId: reader.text(),
    kind: entryKinds[Math.floor(coded / 16)]!,
    accountId: reader.text(),
    authorizationId: reader.text(),
    eventTimeMs: reader.integer(),
    debitAccount: reader.text(),
    creditAccount: reader.text(),
    amountMinor: reader.natural(),
    currency: reader.text(),
    outcome: coded % 8 === 0 ? null : entryOutcomes[(coded % 8) - 1]!,
    unmatched: Math.floor(coded / 8) % 2 === 1,
    offset: reader.natural(),
    sequence: reader.natural(),
  };
}

function numberOrNull(reader: ByteReader): number | null {
  const value = reader.value();
  return value === null ? null : Number(value);
}

function restOf(text: string): Pick<Decision, 'foreignReads' | 'fallback'> {
  if (text === '') return { foreignReads: [], fallback: null };
  const rest: unknown = JSON.parse(text);
  if (isRest(rest)) return rest;
  throw new TypeError('got another rest of a decision, expected what `packDecision` writes');
}

/** Items are written by this program alone: it is enough to tell the layout. */
function isRest(value: unknown): value is Pick<Decision, 'foreignReads' | 'fallback'> {
  return typeof value === 'object' && value !== null && 'foreignReads' in value && 'fallback' in value;
}
