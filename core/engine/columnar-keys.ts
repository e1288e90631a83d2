import { createHotKey, evictBlocks, freeTree, type HotKey, placeEntry, placeInBlock } from './hot-key.ts';
import { type HotKeysRest, restOfHotKeys, restoreHotKeys } from './hot-key-rest.ts';
import { type TilePlan } from './hot-key-tile.ts';
import {
  addKeyPage,
  clearLabels,
  createKeyPages,
  keyPageBits,
  type KeyPage,
  type KeyPages,
  labelsOf,
  recordOf,
  touchLabels,
  touchRecord,
} from './key-page.ts';
import { createPageBook, type Within } from './pages.ts';
import {
  allocateBlock,
  copyEntries,
  createSlab,
  freeBlock,
  localOf,
  restOfSlab,
  segmentAt,
  type Slab,
  type SlabRest,
} from './slab.ts';

/**
 * The windows' entries by one key field, and where those of each key stand: in one block while they are few, in a tree
 * of blocks (a `HotKey`) once they are many. Keys are small whole numbers, such as those of the interner.
 */
export type KeyStore = {
  readonly slab: Slab;
  readonly keyPages: KeyPages;
  readonly hot: (HotKey | null)[];
  /** The key from which the next sweep goes on. */
  sweepAt: number;
};

/** What a key store follows from; no state. */
export type KeyPlan = {
  readonly strideWords: number;
  readonly hasLabels: boolean;
  /** Entries of the largest block; a key with more is hot. */
  readonly blockEntries: number;
  /** Running countDistincts of a hot key. */
  readonly cursors: number;
  readonly tiles: TilePlan;
};

/** What a checkpoint holds of a key store beside its segments. */
export type KeyStoreRest = {
  readonly slab: SlabRest;
  readonly hot: HotKeysRest;
  readonly sweepAt: number;
};

/** What a checkpoint holds of a key store beside its segments. */
export function restOfKeyStore({ slab, hot, sweepAt }: KeyStore): KeyStoreRest {
  return { slab: restOfSlab(slab), hot: restOfHotKeys(hot), sweepAt };
}

/** A store without entries, or the one of a checkpoint. */
export function createKeyStore(
  plan: KeyPlan,
  { book, rest }: Within<KeyStoreRest> = { book: createPageBook() },
): KeyStore {
  const slab = createSlab(plan.strideWords, plan.blockEntries, { book, rest: rest?.slab });
  const keyPages = createKeyPages(book, plan);
  const hot = rest === undefined ? [] : restoreHotKeys(slab, plan.tiles, { rest: rest.hot, cursors: plan.cursors });
  return { slab, keyPages, hot, sweepAt: rest?.sweepAt ?? 0 };
}

/** Stands in a record where the key is hot. */
export const hotMark = -1;

/** The page of a key; undefined when none of its keys ever had an entry. */
export function pageOf(store: KeyStore, key: number): KeyPage | undefined {
  return store.keyPages.pages[key >> keyPageBits];
}

/**
 * Makes room for an entry of a key and writes its time and offset (its lower 32 bits); gives its position. Entries at or
 * before `horizonMs` may go. Positional, since it is called for each key of each event. The columns are the caller's to
 * write, and `noteEntry` to call for a hot key.
 */
export function enterKey(
  store: KeyStore,
  plan: KeyPlan,
  key: number,
  timeMs: number,
  offset: number,
  horizonMs: number,
): number {
  const page = pageOf(store, key) ?? addKeyPage(store.keyPages, key);
  const { records } = page;
  const at = recordOf(key);
  touchRecord(page, at);
  const { slab } = store;
  let head = records[at + 1]!;
  if (head === 0) {
    records[at] = allocateBlock(slab, 0);
    records[at + 2] = offset;
  } else if (head !== hotMark && head >> 8 === slab.capacities[head & 255]) {
    growKey(store, plan, { records, at, horizonMs });
    head = records[at + 1]!;
  }
  if (head === hotMark) return enterHotKey(store, plan, { records, at, timeMs, offset, horizonMs });
  const count = head >> 8;
  const position = placeInBlock(slab, records[at]!, { count, timeMs, offset });
  const { f64 } = segmentAt(slab, position);
  const index = position - records[at]!;
  const isNewest = index === count && (index === 0 || f64[(localOf(position) - 1) * slab.strideWords]! < timeMs);
  if (!isNewest) records[at + 2] = offset;
  records[at + 1] = head + 256;
  return position;
}

/** Notes that an entry of the key has a label since the record at an offset. */
export function noteKeyLabel(
  store: KeyStore,
  key: number,
  label: { readonly timeMs: number; readonly offset: number },
): void {
  const page = pageOf(store, key);
  if (page === undefined || page.labels === null) return;
  const { labels } = page;
  const at = labelsOf(key);
  touchLabels(page, at);
  labels[at] = Math.max(labels[at]!, label.timeMs);
  labels[at + 1] = label.offset;
}

/** The newest label time among a key's entries, past ones included; -Infinity when there is none. */
export function labelTimeMaxOf(store: KeyStore, key: number): number {
  return pageOf(store, key)?.labels?.[labelsOf(key)] ?? Number.NEGATIVE_INFINITY;
}

/**
 * Looks through the next keys, drops what is at or before `horizonMs`, and gives their memory back. Changes no result.
 */
export function sweepKeys(
  store: KeyStore,
  plan: KeyPlan,
  { horizonMs, keys }: { readonly horizonMs: number; readonly keys: number },
): void {
  const keysMax = store.keyPages.pages.length << keyPageBits;
  for (let step = 0; step < Math.min(keys, keysMax); step++) {
    const key = store.sweepAt >= keysMax ? 0 : store.sweepAt;
    const page = pageOf(store, key);
    store.sweepAt = page === undefined ? ((key >> keyPageBits) + 1) << keyPageBits : key + 1;
    if (page === undefined) continue;
    const at = recordOf(key);
    const head = page.records[at + 1]!;
    if (head === hotMark) sweepHotKey(store, plan, { page, records: page.records, at, horizonMs });
    else if (head !== 0) sweepKey(store, { page, records: page.records, at, horizonMs });
    if (page.records[at + 1] === 0) clearLabels(page, labelsOf(key));
  }
}

type Place = { readonly records: Int32Array; readonly at: number; readonly horizonMs: number };
type SweptPlace = Place & { readonly page: KeyPage };

/** Makes room in a full block: by what has expired, else by a larger block, else by a tree. */
function growKey(store: KeyStore, plan: KeyPlan, { records, at, horizonMs }: Place): void {
  const { slab } = store;
  const block = records[at]!;
  const head = records[at + 1]!;
  const count = head >> 8;
  const sizeClass = head & 255;
  const expired = countExpired(slab, { block, count, horizonMs });
  if (expired > 0) {
    copyEntries(slab, { from: block + expired, to: block, count: count - expired });
    records[at + 1] = ((count - expired) << 8) | sizeClass;
  } else if (sizeClass + 1 < slab.capacities.length) {
    const larger = allocateBlock(slab, sizeClass + 1);
    copyEntries(slab, { from: block, to: larger, count });
    freeBlock(slab, block, sizeClass);
    records[at] = larger;
    records[at + 1] = (count << 8) | (sizeClass + 1);
  } else {
    const free = store.hot.indexOf(null);
    const number = free >= 0 ? free : store.hot.length;
    store.hot[number] = createHotKey(slab, plan.tiles, { position: block, count, cursors: plan.cursors });
    freeBlock(slab, block, sizeClass);
    records[at] = number;
    records[at + 1] = hotMark;
  }
}

function enterHotKey(
  store: KeyStore,
  plan: KeyPlan,
  place: Place & { readonly timeMs: number; readonly offset: number },
): number {
  const { records, at, timeMs, offset, horizonMs } = place;
  const hot = store.hot[records[at]!]!;
  if (hot.entries % plan.blockEntries === 0) evictHotKey(store, plan, hot, horizonMs);
  if (timeMs <= hot.newestMs) records[at + 2] = offset;
  return placeEntry(store.slab, plan.tiles, hot, { timeMs, offset });
}

function sweepKey(store: KeyStore, { page, records, at, horizonMs }: SweptPlace): void {
  const { slab } = store;
  const block = records[at]!;
  const count = records[at + 1]! >> 8;
  const sizeClass = records[at + 1]! & 255;
  const expired = countExpired(slab, { block, count, horizonMs });
  const left = count - expired;
  if (left === 0) {
    touchRecord(page, at);
    freeBlock(slab, block, sizeClass);
    records[at + 1] = 0;
  } else if (sizeClass >= 2 && left <= slab.capacities[sizeClass - 2]!) {
    const smallerClass = slab.capacities.findIndex((capacity) => capacity >= left);
    const smaller = allocateBlock(slab, smallerClass);
    touchRecord(page, at);
    copyEntries(slab, { from: block + expired, to: smaller, count: left });
    freeBlock(slab, block, sizeClass);
    records[at] = smaller;
    records[at + 1] = (left << 8) | smallerClass;
  }
}

/** Drops the blocks that have expired; a tree of one block is a block again. */
function sweepHotKey(store: KeyStore, plan: KeyPlan, { page, records, at, horizonMs }: SweptPlace): void {
  const number = records[at]!;
  const hot = store.hot[number]!;
  if (hot.newestMs <= horizonMs) {
    touchRecord(page, at);
    freeTree(store.slab, plan.tiles, hot.root);
    records[at + 1] = 0;
    store.hot[number] = null;
    return;
  }
  evictHotKey(store, plan, hot, horizonMs);
  const { root, entries } = hot;
  if (root.level > 1 || root.size > 1) return;
  touchRecord(page, at);
  records[at] = root.blocks[0]!;
  records[at + 1] = (entries << 8) | plan.tiles.sizeClass;
  store.hot[number] = null;
}

/** Drops the blocks that have expired and that no running window holds. */
function evictHotKey(store: KeyStore, plan: KeyPlan, hot: HotKey, horizonMs: number): void {
  let untilMs = horizonMs;
  for (const cursor of hot.distinct) if (cursor !== null) untilMs = Math.min(untilMs, cursor.sinceMs);
  evictBlocks(store.slab, plan.tiles, hot, untilMs);
}

function countExpired(
  slab: Slab,
  { block, count, horizonMs }: { readonly block: number; readonly count: number; readonly horizonMs: number },
): number {
  const { f64 } = segmentAt(slab, block);
  const local = localOf(block);
  let expired = 0;
  while (expired < count && f64[(local + expired) * slab.strideWords]! <= horizonMs) expired++;
  return expired;
}
