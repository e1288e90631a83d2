/** Numbers by the ids of one source: an open-addressing table that grows as it fills. */
export type IdCache = { keys: Int32Array; values: Int32Array; count: number; source: unknown };

/** An empty cache. */
export function createIdCache(): IdCache {
  return { keys: new Int32Array(64), values: new Int32Array(64), count: 0, source: null };
}

/** Forgets what it has, and belongs to a source from then on. */
export function clearIds(cache: IdCache, source: unknown): void {
  cache.source = source;
  if (cache.count === 0) return;
  cache.keys.fill(0);
  cache.count = 0;
}

/** The slot of an id of 0 or more: its own, or the free one that it would take. */
export function slotOfId(cache: IdCache, id: number): number {
  const { keys } = cache;
  const mask = keys.length - 1;
  let slot = (Math.imul(id, 0x9e3779b1) >>> 12) & mask;
  while (keys[slot] !== id + 1 && keys[slot] !== 0) slot = (slot + 1) & mask;
  return slot;
}

/** Keeps the number of an id in the free slot that `slotOfId` gave. */
export function keepId(cache: IdCache, slot: number, id: number, value: number): void {
  cache.keys[slot] = id + 1;
  cache.values[slot] = value;
  cache.count++;
  if (cache.count * 2 > cache.keys.length) grow(cache);
}

function grow(cache: IdCache): void {
  const { keys, values } = cache;
  cache.keys = new Int32Array(keys.length * 2);
  cache.values = new Int32Array(keys.length * 2);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? 0;
    if (key === 0) continue;
    const slot = slotOfId(cache, key - 1);
    cache.keys[slot] = key;
    cache.values[slot] = values[i] ?? 0;
  }
}
