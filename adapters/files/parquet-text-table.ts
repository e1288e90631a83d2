import { appendBytes, appendUint32, type ByteList, createByteList } from './parquet-bytes.ts';

/**
 * Distinct texts in order of their first appearance, held as a dictionary page of Parquet: each with its length in four
 * bytes before it.
 */
export type TextTable = {
  readonly page: ByteList;
  count: number;
  /** Where each text's length stands in the page. */
  starts: Int32Array;
  hashes: Int32Array;
  /** An open-addressing table of text numbers plus one; 0 is a free slot. */
  slots: Int32Array;
  /** How many texts `hashes` and `slots` have: those that `addText` added follow when a text is looked for. */
  indexed: number;
};

/** An empty table. */
export function createTextTable(): TextTable {
  const slots = new Int32Array(64);
  return {
    page: createByteList(),
    count: 0,
    starts: new Int32Array(32),
    hashes: new Int32Array(32),
    slots,
    indexed: 0,
  };
}

/** Forgets every text. */
export function clearTexts(table: TextTable): void {
  if (table.count === 0) return;
  table.page.length = 0;
  table.count = 0;
  if (table.indexed > 0) table.slots.fill(0);
  table.indexed = 0;
}

/** The number of the text `bytes[start, end)`, which is added if need be. Plain arguments: it runs for single values. */
export function numberOfText(table: TextTable, bytes: Uint8Array, start: number, end: number): number {
  if (table.indexed < table.count) indexTexts(table);
  const hash = hashOf(bytes, start, end);
  const mask = table.slots.length - 1;
  let slot = hash & mask;
  for (;;) {
    const number = (table.slots[slot] ?? 0) - 1;
    if (number === -1) break;
    if (table.hashes[number] === hash && isText(table, number, bytes, start, end)) return number;
    slot = (slot + 1) & mask;
  }
  const number = addText(table, bytes, start, end);
  table.hashes[number] = hash;
  table.indexed = table.count;
  if (table.count * 2 > table.slots.length) fillSlots(table, table.slots.length * 2);
  else table.slots[slot] = number + 1;
  return number;
}

/** Adds a text that the table does not have, and gives its number. */
export function addText(table: TextTable, bytes: Uint8Array, start: number, end: number): number {
  const number = table.count++;
  if (number === table.starts.length) {
    table.starts = grown(table.starts);
    table.hashes = grown(table.hashes);
  }
  table.starts[number] = table.page.length;
  appendUint32(table.page, end - start);
  appendBytes(table.page, bytes, start, end);
  return number;
}

function indexTexts(table: TextTable): void {
  const { page, starts, hashes } = table;
  for (let number = table.indexed; number < table.count; number++) {
    hashes[number] = hashOf(page.bytes, (starts[number] ?? 0) + 4, textEndOf(table, number));
  }
  table.indexed = table.count;
  let slots = table.slots.length;
  while (table.count * 2 > slots) slots *= 2;
  fillSlots(table, slots);
}

function fillSlots(table: TextTable, length: number): void {
  if (table.slots.length === length) table.slots.fill(0);
  else table.slots = new Int32Array(length);
  const mask = length - 1;
  for (let number = 0; number < table.count; number++) {
    let slot = (table.hashes[number] ?? 0) & mask;
    while (table.slots[slot] !== 0) slot = (slot + 1) & mask;
    table.slots[slot] = number + 1;
  }
}

function textEndOf({ starts, count, page }: TextTable, number: number): number {
  return number + 1 < count ? (starts[number + 1] ?? 0) : page.length;
}

/** FNV-1a, see http://www.isthe.com/chongo/tech/comp/fnv/ */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193);
  return hash ^ (hash >>> 15);
}

function isText(table: TextTable, number: number, bytes: Uint8Array, start: number, end: number): boolean {
  const { page, starts } = table;
  const at = (starts[number] ?? 0) + 4;
  if (textEndOf(table, number) - at !== end - start) return false;
  for (let i = start; i < end; i++) if (page.bytes[at + i - start] !== bytes[i]) return false;
  return true;
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
