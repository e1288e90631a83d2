import { type Interner, scopeOf } from '../decode/interner.ts';
import { addPage, createPageBook, createPages, type Pages, touchRange, type Within } from '../engine/pages.ts';

/**
 * An id field's values are interned within their tenant: the id alone is the key. Those of other fields are shared by
 * all tenants: a key is then a number for the pair.
 */
export type KeyNumbers = {
  scope: 'unknown' | 'tenant' | 'shared';
  /** By tenant, then by text. */
  readonly byTenant: Map<number, Map<number, number>>;
  /** The pairs in the order of their numbers: tenant, text. */
  readonly pairs: Pages;
  size: number;
};

/** What a checkpoint holds of the numbers beside their pairs. */
export type KeyNumbersRest = Pick<KeyNumbers, 'scope' | 'size'>;

const segmentBits = 12;
const segmentPairs = 2 ** segmentBits;

/** No numbers, or those of a checkpoint. */
export function createKeyNumbers({ book, rest }: Within<KeyNumbersRest> = { book: createPageBook() }): KeyNumbers {
  const { scope, size } = rest ?? { scope: 'unknown', size: 0 };
  const numbers: KeyNumbers = { scope, byTenant: new Map(), pairs: createPages(book, segmentPairs * 8), size };
  for (let number = 0; number < size; number++) {
    const { words } = numbers.pairs.segments[number >> segmentBits]!;
    const at = (number & (segmentPairs - 1)) * 2;
    textsOf(numbers, words[at]!).set(words[at + 1]!, number);
  }
  return numbers;
}

/** What a checkpoint holds of the numbers beside their pairs. */
export function restOfKeyNumbers({ scope, size }: KeyNumbers): KeyNumbersRest {
  return { scope, size };
}

/** The state's key of a key field's value, an interned text, within a tenant. */
export function keyNumberOf(
  interner: Interner,
  numbers: KeyNumbers,
  { tenant, text }: { readonly tenant: number; readonly text: number },
): number {
  if (numbers.scope === 'unknown') numbers.scope = scopeOf(interner, text) === tenant ? 'tenant' : 'shared';
  if (numbers.scope === 'tenant') return text;
  const texts = textsOf(numbers, tenant);
  const known = texts.get(text);
  if (known !== undefined) return known;
  texts.set(text, numbers.size);
  keepPair(numbers, { tenant, text });
  return numbers.size++;
}

/** The interned text of a key that `keyNumberOf` gave. */
export function textOfKey(numbers: KeyNumbers, key: number): number {
  if (numbers.scope !== 'shared') return key;
  const { words } = numbers.pairs.segments[key >> segmentBits]!;
  return words[(key & (segmentPairs - 1)) * 2 + 1]!;
}

function textsOf({ byTenant }: KeyNumbers, tenant: number): Map<number, number> {
  const texts = byTenant.get(tenant) ?? new Map<number, number>();
  if (texts.size === 0) byTenant.set(tenant, texts);
  return texts;
}

function keepPair(
  { pairs, size }: KeyNumbers,
  { tenant, text }: { readonly tenant: number; readonly text: number },
): void {
  const segment = pairs.segments[size >> segmentBits] ?? addPage(pairs);
  const at = (size & (segmentPairs - 1)) * 2;
  touchRange(segment, at * 4, at * 4 + 8);
  segment.words[at] = tenant;
  segment.words[at + 1] = text;
}
