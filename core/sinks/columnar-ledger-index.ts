import { freeHolds, holdSegment, holdWord, holdWords, slotOf } from './columnar-ledger-holds.ts';
import type { HoldSlab } from './columnar-ledger-holds.ts';

/**
 * Holds by the id hash of their authorization: tables of open addressing whose slots are one word of the hash and the
 * hold's number plus 1, or 0. The rest of the hash lies in the hold, so that a slot is 8 bytes and most look-ups touch one
 * line of cache. Many tables grow one at a time, so that growing never takes long.
 */
export type HoldIndex = { readonly shards: Uint32Array[]; readonly used: Uint32Array; size: number };

const shardBits = 8;
const wordsMin = 16;

/** An index without holds. */
function createHoldIndex(): HoldIndex {
  return {
    shards: Array.from({ length: 2 ** shardBits }, () => new Uint32Array(wordsMin)),
    used: new Uint32Array(2 ** shardBits),
    size: 0,
  };
}

/** The index of a checkpoint's holds, which they themselves tell. */
export function restoreHoldIndex(holds: HoldSlab): HoldIndex {
  const index = createHoldIndex();
  const isFree = freeHolds(holds);
  for (let hold = 0; hold < holds.end; hold++) if (isFree[hold] === 0) addToIndex(index, holds, hold);
  return index;
}

/** The hold of the authorization whose id hash begins at `words[at]`; -1 when there is none. */
export function findHold(index: HoldIndex, holds: HoldSlab, words: Uint32Array, at: number): number {
  const shard = index.shards[words[at]! >>> (32 - shardBits)]!;
  const tag = words[at + 1]!;
  for (let slot = homeOf(shard, tag); ; slot = nextSlot(shard, slot)) {
    const named = shard[slot + 1]!;
    if (named === 0) return -1;
    if (shard[slot] === tag && hasHash(holds, named - 1, words, at)) return named - 1;
  }
}

/** Adds a hold by its own id hash; false, and nothing is added, where its authorization has a hold already. */
export function addToIndex(index: HoldIndex, holds: HoldSlab, hold: number): boolean {
  const { words } = holdSegment(holds, hold);
  const at = slotOf(hold) * holdWords + holdWord.idHash;
  const number = words[at]! >>> (32 - shardBits);
  let shard = index.shards[number]!;
  if ((index.used[number]! + 1) * 8 > shard.length * 3) {
    shard = growShard(shard);
    index.shards[number] = shard;
  }
  const tag = words[at + 1]!;
  let slot = homeOf(shard, tag);
  for (; shard[slot + 1] !== 0; slot = nextSlot(shard, slot)) {
    if (shard[slot] === tag && hasHash(holds, shard[slot + 1]! - 1, words, at)) return false;
  }
  shard[slot] = tag;
  shard[slot + 1] = hold + 1;
  index.used[number]!++;
  index.size++;
  return true;
}

/** Removes a hold that was added. */
export function removeFromIndex(index: HoldIndex, holds: HoldSlab, hold: number): void {
  const { words } = holdSegment(holds, hold);
  const at = slotOf(hold) * holdWords + holdWord.idHash;
  const number = words[at]! >>> (32 - shardBits);
  const shard = index.shards[number]!;
  let slot = homeOf(shard, words[at + 1]!);
  while (shard[slot + 1] !== hold + 1) {
    if (shard[slot + 1] === 0) throw new Error(`got hold ${hold} to forget, expected one of the index`);
    slot = nextSlot(shard, slot);
  }
  closeGap(shard, slot);
  index.used[number]!--;
  index.size--;
}

function homeOf(shard: Uint32Array, tag: number): number {
  return (tag << 1) & (shard.length - 2);
}

function nextSlot(shard: Uint32Array, slot: number): number {
  return (slot + 2) & (shard.length - 2);
}

function hasHash(holds: HoldSlab, hold: number, words: Uint32Array, at: number): boolean {
  const known = holdSegment(holds, hold).words;
  const from = slotOf(hold) * holdWords + holdWord.idHash;
  return (
    known[from] === words[at] &&
    known[from + 1] === words[at + 1] &&
    known[from + 2] === words[at + 2] &&
    known[from + 3] === words[at + 3]
  );
}

function growShard(shard: Uint32Array): Uint32Array {
  const grown = new Uint32Array(shard.length * 2);
  for (let from = 0; from < shard.length; from += 2) {
    if (shard[from + 1] === 0) continue;
    let slot = homeOf(grown, shard[from]!);
    while (grown[slot + 1] !== 0) slot = nextSlot(grown, slot);
    grown[slot] = shard[from]!;
    grown[slot + 1] = shard[from + 1]!;
  }
  return grown;
}

/** Moves the holds behind a freed slot up, where they may stand there: https://en.wikipedia.org/wiki/Linear_probing#Deletion */
function closeGap(shard: Uint32Array, freed: number): void {
  let gap = freed;
  for (let slot = nextSlot(shard, gap); shard[slot + 1] !== 0; slot = nextSlot(shard, slot)) {
    const home = homeOf(shard, shard[slot]!);
    const mayMove = gap <= slot ? home <= gap || home > slot : home <= gap && home > slot;
    if (!mayMove) continue;
    shard[gap] = shard[slot]!;
    shard[gap + 1] = shard[slot + 1]!;
    gap = slot;
  }
  shard[gap + 1] = 0;
}
