/**
 * How many key groups state is cut into: the unit in which owners of partitions hand state over. Fixed for ever, as files
 * and partitions are named by it.
 */
export const keyGroups = 32;

/**
 * Which key group the events of a tenant's key are in, 0 to 31. A topic of P partitions, at most 32, has group g in partition
 * `floor(g * P / 32)`: so all topics of as many partitions have a key in the same one, and no group is in two.
 */
export function keyGroupOf({ tenantId, key }: { readonly tenantId: string; readonly key: string }): number {
  return hashText(key, hashText('\u0000', hashText(tenantId, fnvOffsetBasis))) % keyGroups;
}

const fnvOffsetBasis = 0x811c9dc5;
const fnvPrime = 0x01000193;

/**
 * FNV-1a over UTF-16 units, low byte first (http://www.isthe.com/chongo/tech/comp/fnv/), stirred at the end by MurmurHash3's
 * finalizer (https://github.com/aappleby/smhasher), as the low bits of FNV alone are weak.
 */
function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), fnvPrime);
    hash = Math.imul(hash ^ (unit >>> 8), fnvPrime);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
