/**
 * Texts as whole numbers in order of first appearance, each once per scope: ids 0, 1, 2 and so on. The bytes lie in
 * segments that never move, and are found through many hash tables, so that growing moves a small part at a time and
 * never all.
 */
export type Interner = {
  /**
   * Tables of open addressing by the first bits of the hash: slots of two words, the hash and the position
   * of the text's record plus 1 (0: empty).
   */
  readonly shards: Int32Array[];
  /** Slots in use of each shard. */
  readonly used: Int32Array;
  /** Records one after the other: id (uint32), scope (int32), length in bytes (uint16), the text as UTF-8. */
  readonly segments: TextSegment[];
  /** Where the record of an id begins, counted over all segments. */
  readonly positions: Uint32Array[];
  size: number;
  /** Where the next record begins. */
  end: number;
  /** The bytes that were read last, so that a block of many texts is wrapped once. */
  source: TextSegment;
  /** The texts that were asked for lately, at the low bits of their id. */
  readonly lately: { readonly ids: Int32Array; readonly texts: string[] };
};

/** Bytes, a view of the same bytes that reads four at a time, and how many of them are in use. */
export type TextSegment = { readonly bytes: Uint8Array; readonly view: DataView; usedBytes: number };

/** The scope of texts that belong to no tenant. */
export const sharedScope = -1;

/** The longest text, in bytes of UTF-8. */
export const textBytesMax = 65_535;

/** A segment of texts holds this many bytes; a record never spans two. */
export const segmentBytes = 2 ** 20;

const segmentBits = 20;

/** What stands before the bytes of a text. */
export const recordHeadBytes = 10;

/** All records together; a position has 32 bits. */
const textsBytesMax = 2 ** 32;

const shardBits = 7;
const slotsMin = 8;
const pageBits = 16;
const latelyMask = 2 ** 14 - 1;

/** An interner without texts. */
export function createInterner(): Interner {
  const empty = new Int32Array(2);
  return {
    shards: Array.from({ length: 2 ** shardBits }, () => empty),
    used: new Int32Array(2 ** shardBits),
    segments: [],
    positions: [],
    size: 0,
    end: 0,
    source: segmentOf(new Uint8Array(0)),
    lately: { ids: new Int32Array(latelyMask + 1).fill(-1), texts: new Array<string>(latelyMask + 1).fill('') },
  };
}

/**
 * The id of the UTF-8 text in `bytes[start, end)` within a scope (the id of a tenant, or `sharedScope`); a text that was
 * never seen there gets the next id. Positional, since it is called several times an event. Throws a `RangeError` when
 * the text is longer than `textBytesMax`.
 */
export function internBytes(interner: Interner, bytes: Uint8Array, start: number, end: number, scope: number): number {
  return internView(interner, viewOf(interner, bytes), start, end, scope);
}

/** Like `internBytes`, of a text. */
export function internText(interner: Interner, text: string, scope: number): number {
  const { view } = scratch;
  const length = encode(text);
  return length < 0 ? internLongText(interner, text, scope) : internView(interner, view, 0, length, scope);
}

/** The text of an id. Throws a `RangeError` for an id that was never given. */
export function textOf(interner: Interner, id: number): string {
  const { ids, texts } = interner.lately;
  const slot = id & latelyMask;
  if (ids[slot] === id && id >= 0) return texts[slot]!;
  locateText(interner, id, place);
  const text = utf8Text.decode(place.bytes.subarray(place.start, place.end));
  ids[slot] = id;
  texts[slot] = text;
  return text;
}

/** Where a text stands: UTF-8 in `bytes[start, end)`. Ids of one scope have different texts, but for the scope NaN. */
export type TextPlace = { bytes: Uint8Array; start: number; end: number; scope: number };

/** Points a place at an id's text. It makes no view of it: that would cost more than most texts. */
export function locateText(interner: Interner, id: number, place: TextPlace): void {
  const position = positionOf(interner, id);
  const { bytes, view } = segmentAt(interner, position);
  const start = (position & (segmentBytes - 1)) + recordHeadBytes;
  place.bytes = bytes;
  place.start = start;
  place.end = start + view.getUint16(start - 2, true);
  place.scope = view.getInt32(start - 6, true);
}

/** The scope of an id: the id of its tenant, or `sharedScope`. */
export function scopeOf(interner: Interner, id: number): number {
  const position = positionOf(interner, id);
  return segmentAt(interner, position).view.getInt32((position & (segmentBytes - 1)) + 4, true);
}

/** How many texts there are: ids are below it. */
export function sizeOf(interner: Interner): number {
  return interner.size;
}

/** Where the record of an id begins, counted over all segments. */
export function positionOf(interner: Interner, id: number): number {
  if (!(id >= 0 && id < interner.size)) throw new RangeError(`got text id ${id}, expected one below ${interner.size}`);
  return interner.positions[id >>> pageBits]![id & (2 ** pageBits - 1)]!;
}

/** Like `internBytes`, of bytes that are wrapped already. */
export function internView(interner: Interner, view: DataView, start: number, end: number, scope: number): number {
  const hash = hashText(view, start, end, scope);
  const id = findId(interner, view, start, end, scope, hash);
  return id >= 0 ? id : addText(interner, { view, start, end, scope, hash });
}

/** Like `internView`, of a text that is likely the one of an id: where it is, nothing is hashed. */
export function internLikely(
  interner: Interner,
  view: DataView,
  start: number,
  end: number,
  scope: number,
  likelyId: number,
): number {
  if (likelyId >= 0 && likelyId < interner.size) {
    const position = positionOf(interner, likelyId);
    const { view: known } = segmentAt(interner, position);
    if (isTextAt(known, position & (segmentBytes - 1), view, start, end, scope)) return likelyId;
  }
  return internView(interner, view, start, end, scope);
}

const utf8 = new TextEncoder();
const scratch = segmentOf(new Uint8Array(512));
const place: TextPlace = { bytes: scratch.bytes, start: 0, end: 0, scope: Number.NaN };

/** Encodes a text into the scratch space and returns its length in bytes; -1 when it may be too long for that. */
function encode(text: string): number {
  const { bytes } = scratch;
  if (text.length * 3 > bytes.length) return -1;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return utf8.encodeInto(text, bytes).written;
    bytes[index] = unit;
  }
  return text.length;
}

function internLongText(interner: Interner, text: string, scope: number): number {
  const bytes = utf8.encode(text);
  return internView(interner, segmentOf(bytes).view, 0, bytes.length, scope);
}

const utf8Text = new TextDecoder('utf-8', { ignoreBOM: true });

function segmentOf(bytes: Uint8Array): TextSegment {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), usedBytes: 0 };
}

function viewOf(interner: Interner, bytes: Uint8Array): DataView {
  if (interner.source.bytes !== bytes) interner.source = segmentOf(bytes);
  return interner.source.view;
}

function segmentAt(interner: Interner, position: number): TextSegment {
  return interner.segments[Math.floor(position / segmentBytes)]!;
}

/** Four bytes at a time, the last four overlapping those before; mixing as in MurmurHash3 (public domain, A. Appleby). */
function hashText(view: DataView, start: number, end: number, scope: number): number {
  const length = end - start;
  let hash = Math.imul(scope ^ 0x9e3779b9, 0x85ebca6b) ^ length;
  if (length >= 4) {
    const last = end - 4;
    for (let index = start; index < last; index += 4) hash = mix(hash, view.getInt32(index, true));
    hash = mix(hash, view.getInt32(last, true));
  } else for (let index = start; index < end; index++) hash = mix(hash, view.getUint8(index));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ Math.imul(word, 0xcc9e2d51), 0x1b873593);
  return mixed ^ (mixed >>> 15);
}

/** The id of the text, or -1. Positional: it runs for every text. */
function findId(interner: Interner, view: DataView, start: number, end: number, scope: number, hash: number): number {
  const shard = interner.shards[hash >>> (32 - shardBits)]!;
  const mask = shard.length - 2;
  for (let slot = (hash << 1) & mask; ; slot = (slot + 2) & mask) {
    const next = shard[slot + 1]!;
    if (next === 0) return -1;
    if (shard[slot] !== hash) continue;
    const known = interner.segments[(next - 1) >>> segmentBits]!.view;
    const head = (next - 1) & (segmentBytes - 1);
    if (isTextAt(known, head, view, start, end, scope)) return known.getUint32(head, true);
  }
}

function isTextAt(known: DataView, head: number, view: DataView, start: number, end: number, scope: number): boolean {
  const length = end - start;
  if (known.getInt32(head + 4, true) !== scope || known.getUint16(head + 8, true) !== length) return false;
  const shift = head + recordHeadBytes - start;
  if (length < 4) {
    for (let index = start; index < end; index++) {
      if (view.getUint8(index) !== known.getUint8(index + shift)) return false;
    }
    return true;
  }
  const last = end - 4;
  for (let index = start; index < last; index += 4) {
    if (view.getInt32(index, true) !== known.getInt32(index + shift, true)) return false;
  }
  return view.getInt32(last, true) === known.getInt32(last + shift, true);
}

type NewText = {
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
  readonly scope: number;
  readonly hash: number;
};

function addText(interner: Interner, text: NewText): number {
  const position = appendRecord(interner, text);
  const id = interner.size++;
  if ((id & (2 ** pageBits - 1)) === 0) interner.positions.push(new Uint32Array(2 ** pageBits));
  interner.positions[id >>> pageBits]![id & (2 ** pageBits - 1)] = position;
  const number = text.hash >>> (32 - shardBits);
  let shard = interner.shards[number]!;
  if ((interner.used[number]! + 1) * 8 > shard.length * 3) {
    shard = growShard(shard);
    interner.shards[number] = shard;
  }
  interner.used[number]!++;
  const slot = emptySlot(shard, text.hash);
  shard[slot] = text.hash;
  shard[slot + 1] = position + 1;
  return id;
}

function appendRecord(interner: Interner, { view, start, end, scope }: NewText): number {
  const length = end - start;
  if (length > textBytesMax) throw new RangeError(`got a text of ${length} bytes, expected at most ${textBytesMax}`);
  const isFull = (interner.end & (segmentBytes - 1)) + recordHeadBytes + length > segmentBytes;
  const position = isFull ? Math.ceil(interner.end / segmentBytes) * segmentBytes : interner.end;
  if (position + segmentBytes > textsBytesMax) throw new RangeError(`got texts of ${position} bytes in all, too many`);
  if (position >= interner.segments.length * segmentBytes) {
    interner.segments.push(segmentOf(new Uint8Array(segmentBytes)));
  }
  const target = segmentAt(interner, position);
  const head = position & (segmentBytes - 1);
  target.view.setUint32(head, interner.size, true);
  target.view.setInt32(head + 4, scope, true);
  target.view.setUint16(head + 8, length, true);
  target.bytes.set(new Uint8Array(view.buffer, view.byteOffset + start, length), head + recordHeadBytes);
  target.usedBytes = head + recordHeadBytes + length;
  interner.end = position + recordHeadBytes + length;
  return position;
}

function growShard(shard: Int32Array): Int32Array {
  const grown = new Int32Array(Math.max(shard.length, slotsMin) * 2);
  for (let slot = 0; slot < shard.length; slot += 2) {
    if (shard[slot + 1] === 0) continue;
    const place = emptySlot(grown, shard[slot]!);
    grown[place] = shard[slot]!;
    grown[place + 1] = shard[slot + 1]!;
  }
  return grown;
}

function emptySlot(shard: Int32Array, hash: number): number {
  const mask = shard.length - 2;
  let slot = (hash << 1) & mask;
  while (shard[slot + 1] !== 0) slot = (slot + 2) & mask;
  return slot;
}
