import { hash } from 'node:crypto';
import type { Contract } from '../contract/contract.ts';
import { unmappableTopic } from '../contract/unmappable-header.ts';
import { violationsOf } from '../contract/violations.ts';
import { canonicalJson } from './canonical.ts';
import { contractViolation, decodeUnmappable, type Undecoded, unknownContract } from './decode.ts';
import { parseJson } from './parse-json.ts';
import type { Refusal } from './refusal.ts';

/** An event of a contract by its fields, or why a record is none. */
export type DecodedFields =
  | {
      readonly ok: true;
      readonly contract: Contract;
      readonly event: Readonly<Record<string, unknown>>;
      /** SHA-256 of the canonical parsed event, 64 hexadecimal characters. */
      readonly bodyHash: string;
    }
  | { readonly ok: false; readonly refusal: Refusal; readonly bytes: Uint8Array; readonly topic: string };

/** As `decode`, for any contracts, by topic. Never throws: bad bytes are a value. */
export function decodeFields(contracts: ReadonlyMap<string, Contract>, { topic, bytes }: Undecoded): DecodedFields {
  if (topic === unmappableTopic) return decodeUnmappable(bytes);
  const contract = contracts.get(topic);
  if (contract === undefined)
    return { ok: false, refusal: unknownContract(topic, [...contracts.keys()]), bytes, topic };
  const parsed = parseJson(bytes);
  if (!parsed.ok) return { ok: false, refusal: parsed.refusal, bytes, topic };
  const checked = contract.schema.safeParse(parsed.value);
  if (!checked.success) {
    const refusal = contractViolation(violationsOf(checked.error, parsed.value));
    return { ok: false, refusal, bytes, topic };
  }
  const event = checked.data;
  if (!isFields(event)) throw new Error(`got ${typeof event} from the schema of ${topic}, expected an object`);
  return { ok: true, contract, event, bodyHash: hash('sha256', canonicalJson(event), 'hex') };
}

function isFields(event: unknown): event is Readonly<Record<string, unknown>> {
  return typeof event === 'object' && event !== null && !Array.isArray(event);
}
