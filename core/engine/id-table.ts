/**
 * 128-bit ids and a number for each, in many small tables of open addressing, so that growing moves a few hundred ids at
 * a time and never all. An id is four words that are spread evenly, such as the beginning of a SHA-256.
 */
export type IdTable = { readonly shards: (Shard | undefined)[]; size: number };

/** Slots of five words: the id and its value plus 1; a last word of 0 marks an empty slot. */
type Shard = { slots: Uint32Array; used: number };

const shardBits = 12;
const slotWords = 5;
const slotsMin = 8;

/** The largest value that a table holds. */
export const idValueMax = 2 ** 32 - 2;

export function createIdTable(): IdTable {
  return { shards: Array.from({ length: 2 ** shardBits }, () => undefined), size: 0 };
}

/** The value of the id whose first word is `words[at]`; -1 when it is not there. */
export function getId(table: IdTable, words: Uint32Array, at: number): number {
  const shard = table.shards[words[at]! >>> (32 - shardBits)];
  if (shard === undefined) return -1;
  return shard.slots[findSlot(shard.slots, words, at) + 4]! - 1;
}

/** Sets the value of an id, an unsigned number of at most `idValueMax`. */
export function setId(table: IdTable, words: Uint32Array, at: number, value: number): void {
  const number = words[at]! >>> (32 - shardBits);
  const shard = (table.shards[number] ??= { slots: new Uint32Array(slotsMin * slotWords), used: 0 });
  let slot = findSlot(shard.slots, words, at);
  if (shard.slots[slot + 4] === 0) {
    if ((shard.used + 1) * 4 * slotWords > shard.slots.length * 3) {
      growShard(shard);
      slot = findSlot(shard.slots, words, at);
    }
    shard.used++;
    table.size++;
    const { slots } = shard;
    slots[slot] = words[at]!;
    slots[slot + 1] = words[at + 1]!;
    slots[slot + 2] = words[at + 2]!;
    slots[slot + 3] = words[at + 3]!;
  }
  shard.slots[slot + 4] = value + 1;
}

/** Removes an id; false when it was not there. */
export function deleteId(table: IdTable, words: Uint32Array, at: number): boolean {
  const shard = table.shards[words[at]! >>> (32 - shardBits)];
  if (shard === undefined) return false;
  const slot = findSlot(shard.slots, words, at);
  if (shard.slots[slot + 4] === 0) return false;
  closeGap(shard.slots, slot);
  shard.used--;
  table.size--;
  return true;
}

/** The slot of an id, or the empty one where it would go. There always is an empty one. */
function findSlot(slots: Uint32Array, words: Uint32Array, at: number): number {
  const second = words[at + 1]!;
  const third = words[at + 2]!;
  const fourth = words[at + 3]!;
  for (let slot = homeOf(slots, second); ; slot = nextOf(slots, slot)) {
    if (slots[slot + 4] === 0) return slot;
    if (slots[slot + 1] === second && slots[slot + 2] === third && slots[slot + 3] === fourth) {
      if (slots[slot] === words[at]) return slot;
    }
  }
}

/** The second word says where in its shard an id belongs: the first has chosen the shard. */
function homeOf(slots: Uint32Array, second: number): number {
  return (second & (slots.length / slotWords - 1)) * slotWords;
}

function nextOf(slots: Uint32Array, slot: number): number {
  const next = slot + slotWords;
  return next === slots.length ? 0 : next;
}

function growShard(shard: Shard): void {
  const { slots } = shard;
  const grown = new Uint32Array(slots.length * 2);
  for (let slot = 0; slot < slots.length; slot += slotWords) {
    if (slots[slot + 4] === 0) continue;
    const to = findSlot(grown, slots, slot);
    for (let word = 0; word < slotWords; word++) grown[to + word] = slots[slot + word]!;
  }
  shard.slots = grown;
}

/** Moves the ids behind a freed slot up, where they may stand there: https://en.wikipedia.org/wiki/Linear_probing#Deletion */
function closeGap(slots: Uint32Array, freed: number): void {
  let gap = freed;
  for (let slot = nextOf(slots, gap); slots[slot + 4] !== 0; slot = nextOf(slots, slot)) {
    const home = homeOf(slots, slots[slot + 1]!);
    const mayMove = gap <= slot ? home <= gap || home > slot : home <= gap && home > slot;
    if (!mayMove) continue;
    for (let word = 0; word < slotWords; word++) slots[gap + word] = slots[slot + word]!;
    gap = slot;
  }
  for (let word = 0; word < slotWords; word++) slots[gap + word] = 0;
}
