/**
 * Numbers by the ids of one source: an open-addressing table that grows as it fills. A slot is two words, the id plus 1
 * and its number, so that both come in one step from memory.
 */
export type IdCache = { slots: Int32Array; count: number; source: unknown };

/** An empty cache. */
export function createIdCache(): IdCache {
  return { slots: new Int32Array(128), count: 0, source: null };
}

/** Forgets what it has, and belongs to a source from then on. */
export function clearIds(cache: IdCache, source: unknown): void {
  cache.source = source;
  if (cache.count === 0) return;
  cache.slots.fill(0);
  cache.count = 0;
}

/** Where the slot of an id of 0 or more begins: its own, or the free one that it would take. */
export function slotOfId({ slots }: IdCache, id: number): number {
  const mask = slots.length - 2;
  let slot = (Math.imul(id, 0x9e3779b1) >>> 11) & mask;
  while (slots[slot] !== id + 1 && slots[slot] !== 0) slot = (slot + 2) & mask;
  return slot;
}

/** Keeps the number of an id in the free slot that `slotOfId` gave. */
export function keepId(cache: IdCache, slot: number, id: number, value: number): void {
  cache.slots[slot] = id + 1;
  cache.slots[slot + 1] = value;
  cache.count++;
  if (cache.count * 4 > cache.slots.length) grow(cache);
}

function grow(cache: IdCache): void {
  const { slots } = cache;
  cache.slots = new Int32Array(slots.length * 2);
  for (let from = 0; from < slots.length; from += 2) {
    const key = slots[from] ?? 0;
    if (key === 0) continue;
    const to = slotOfId(cache, key - 1);
    cache.slots[to] = key;
    cache.slots[to + 1] = slots[from + 1] ?? 0;
  }
}
