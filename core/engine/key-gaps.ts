/**
 * What the windows of one key field did not take, since the key held as many events as it may: what they would say of a
 * time that such an event reaches is not known.
 */
export type KeyGaps<K> = {
  /** By key, rising in time and more than a reach apart. Only keys that were full. */
  readonly byKey: Map<K, readonly KeyGap[]>;
  /** Events that were not taken, ever. */
  refused: number;
};

/** From the first to the last event time of events that were not taken, each less than a reach after the one before. */
export type KeyGap = { readonly firstMs: number; readonly lastMs: number };

/** Entries that a key may hold in the windows of one field unless told otherwise. */
export const keyEventsMaxDefault = 2 ** 24;

/** Nothing was refused. */
export function createKeyGaps<K>(): KeyGaps<K> {
  return { byKey: new Map(), refused: 0 };
}

/** Notes an event that a full key did not take. `reachMs`: how far back the key's windows look. */
export function noteGap<K>(
  gaps: KeyGaps<K>,
  key: K,
  { timeMs, reachMs }: { readonly timeMs: number; readonly reachMs: number },
): void {
  gaps.refused++;
  let firstMs = timeMs;
  let lastMs = timeMs;
  const apart: KeyGap[] = [];
  for (const gap of gaps.byKey.get(key) ?? []) {
    if (gap.lastMs + reachMs <= firstMs || gap.firstMs - reachMs >= lastMs) apart.push(gap);
    else {
      firstMs = Math.min(firstMs, gap.firstMs);
      lastMs = Math.max(lastMs, gap.lastMs);
    }
  }
  apart.push({ firstMs, lastMs });
  gaps.byKey.set(
    key,
    apart.toSorted((left, right) => left.firstMs - right.firstMs),
  );
}

/**
 * Does a window of the key that asks at `timeMs` lack an event? One at or before `horizonMs` is forgotten, as entries
 * are.
 */
export function isInGap<K>(
  gaps: KeyGaps<K>,
  key: K,
  asked: { readonly timeMs: number; readonly reachMs: number; readonly horizonMs: number },
): boolean {
  const { timeMs, reachMs, horizonMs } = asked;
  const ofKey = gaps.byKey.get(key) ?? [];
  return ofKey.some(({ firstMs, lastMs }) => firstMs <= timeMs && timeMs < lastMs + reachMs && lastMs > horizonMs);
}

/** Forgets what no window can reach any more. */
export function forgetGaps<K>(gaps: KeyGaps<K>, horizonMs: number): void {
  for (const [key, ofKey] of gaps.byKey) {
    const left = ofKey.filter(({ lastMs }) => lastMs > horizonMs);
    if (left.length === 0) gaps.byKey.delete(key);
    else if (left.length < ofKey.length) gaps.byKey.set(key, left);
  }
}
