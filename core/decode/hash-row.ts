import type { CompiledDecoder } from './compiled-decoder.ts';
import { readings } from './compile-read.ts';
import type { EventColumns } from './event-columns.ts';
import { copyBytes, type HashSpace, hashSpace } from './hash-words.ts';

/** Hashes the event that was read last: its canonical text, its idempotency key and that of the event it refers to. */
export function hashRow(decoder: CompiledDecoder, columns: EventColumns, row: number): void {
  const { binding, source, spaces } = decoder;
  const bodyBytes =
    source.reading === readings.canonical
      ? copyBytes(spaces.body, 0, source.view, source.start, source.end)
      : decoder.writeCanonical(source.view, spaces.body.view);
  hashSpace(spaces.body, bodyBytes, columns.bodyHash, row * 8, 8);
  const keyBytes = writeKey(decoder, spaces.ownKey, binding.eventIdLeaf);
  hashSpace(spaces.ownKey, keyBytes, columns.idHash, row * 4, 4);
  if (binding.targetLeaf < 0) {
    for (let word = row * 4; word < row * 4 + 4; word += 1) columns.targetHash[word] = 0;
    return;
  }
  const targetBytes = writeKey(decoder, spaces.targetKey, binding.targetLeaf);
  hashSpace(spaces.targetKey, targetBytes, columns.targetHash, row * 4, 4);
}

/**
 * Writes the text of an idempotency key, as `idempotencyKey` has it, behind its beginning, which is there already, and
 * returns its length: ids that were read here need no escapes.
 */
function writeKey(decoder: CompiledDecoder, space: HashSpace, idLeaf: number): number {
  const { binding } = decoder;
  const { bytes } = space;
  let at = writeQuoted(decoder, space, binding.tenantLeaf, space.headBytes);
  bytes[at] = comma;
  at = writeQuoted(decoder, space, binding.keyLeaf, at + 1);
  bytes[at] = comma;
  at = writeQuoted(decoder, space, idLeaf, at + 1);
  bytes[at] = closingBracket;
  return at + 1;
}

const comma = 0x2c;
const closingBracket = 0x5d;

/** Copies a text with its quotation marks, and returns where it ends. */
function writeQuoted({ spans, source }: CompiledDecoder, space: HashSpace, leaf: number, at: number): number {
  return copyBytes(space, at, source.view, spans.starts[leaf]! - 1, spans.ends[leaf]! + 1);
}
