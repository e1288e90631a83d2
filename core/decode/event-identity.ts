import type { EventIdentity } from '../contract/idempotency-key.ts';
import { inputContracts } from '../contract/contracts.ts';
import { compileDecoder } from './compile-decoder.ts';
import { type CompiledDecoder, readEvent } from './compiled-decoder.ts';
import { decode } from './decode.ts';
import { createInterner } from './interner.ts';
import type { Refusal } from './refusal.ts';

/** Whose event it is and which, or why it is none. */
export type IdentifiedEvent =
  | { readonly ok: true; readonly identity: EventIdentity }
  | { readonly ok: false; readonly refusal: Refusal };

/**
 * Makes what checks events against their contracts and says who they are, as `decode` does, without making anything else of
 * them: generated code alone reads nearly all, at a tenth of the cost.
 */
export function createEventIdentifier(): (topic: string, bytes: Uint8Array) => IdentifiedEvent {
  const layout = { numbers: [], texts: [] };
  const decoders = new Map(
    [...inputContracts].map(([topic, contract]) => [
      topic,
      compileDecoder({ contract, layout, interner: createInterner() }),
    ]),
  );
  return (topic, bytes) => {
    const decoder = decoders.get(topic);
    if (decoder !== undefined && readEvent(decoder, bytes, 0, bytes.length))
      return { ok: true, identity: identityOf(decoder, topic) };
    const decoded = decode({ topic, bytes });
    if (!decoded.ok) return { ok: false, refusal: decoded.refusal };
    const { tenantId, accountId, eventId } = decoded.event.event;
    return { ok: true, identity: { topic, tenantId, key: accountId, eventId } };
  };
}

function identityOf(decoder: CompiledDecoder, topic: string): EventIdentity {
  const { tenantLeaf, keyLeaf, eventIdLeaf } = decoder.binding;
  return {
    topic,
    tenantId: textOfLeaf(decoder, tenantLeaf),
    key: textOfLeaf(decoder, keyLeaf),
    eventId: textOfLeaf(decoder, eventIdLeaf),
  };
}

/** What compiled code reads is printable ASCII. */
function textOfLeaf({ spans, source }: CompiledDecoder, leaf: number): string {
  const { buffer, byteOffset } = source.view;
  return ascii.decode(
    new Uint8Array(buffer, byteOffset + spans.starts[leaf]!, spans.ends[leaf]! - spans.starts[leaf]!),
  );
}

const ascii = new TextDecoder('latin1');
