import { type ColumnSpace, createColumnSpace, measureLayout } from '../decode/column-space.ts';
import { createIdTable, deleteId, getId, setId, type IdTable } from '../engine/id-table.ts';
import {
  addPage,
  createPageBook,
  createPages,
  dropPages,
  type Pages,
  type PageSegment,
  touch,
  touchRange,
  type Within,
} from '../engine/pages.ts';

/** The events that a label may still reach, oldest arrival first, and their numbers by the hash of their id. */
export type Targets = {
  readonly numbers: IdTable;
  readonly segments: TargetSegment[];
  readonly pages: Pages;
  readonly keyCount: number;
  /** The first that is held, a multiple of a segment; the oldest that is not forgotten; and the next one's number. */
  head: number;
  oldest: number;
  tail: number;
};

/** Targets side by side, a column a property. */
export type TargetSegment = {
  readonly offset: Float64Array;
  readonly eventTimeMs: Float64Array;
  readonly keys: Int32Array;
  /** The first 128 bits of the hash of the id, four words each. */
  readonly id: Uint32Array;
  readonly page: PageSegment;
};

/** What a checkpoint holds of the targets beside their segments. */
export type TargetsRest = Pick<Targets, 'oldest' | 'tail'>;

const segmentBits = 12;
const segmentTargets = 2 ** segmentBits;

/** No targets, or those of a checkpoint. */
export function createTargets(
  keyCount: number,
  { book, rest }: Within<TargetsRest> = { book: createPageBook() },
): Targets {
  const pages = createPages(
    book,
    measureLayout((space) => layOutTargets(space, keyCount)),
  );
  const segments = pages.segments.flatMap((page) => (page === undefined ? [] : [segmentOver(page, keyCount)]));
  const { oldest, tail } = rest ?? { oldest: 0, tail: 0 };
  const head = pages.first * segmentTargets;
  const targets = { numbers: createIdTable(), segments, pages, keyCount, head, oldest, tail };
  for (let number = oldest; number < tail; number++) {
    setId(targets.numbers, targetSegment(targets, number).id, targetSlot(number) * 4, number % 2 ** 31);
  }
  return targets;
}

/** What a checkpoint holds of the targets beside their segments. */
export function restOfTargets({ oldest, tail }: Targets): TargetsRest {
  return { oldest, tail };
}

/** Remembers an event; `words` at `at` is the hash of its id, `keys` are the state's keys of the event. */
export function addTarget(
  targets: Targets,
  target: {
    readonly words: Uint32Array;
    readonly at: number;
    readonly offset: number;
    readonly eventTimeMs: number;
    readonly keys: Int32Array;
  },
): void {
  const { words, at, offset, eventTimeMs, keys } = target;
  const number = targets.tail++;
  if ((number - targets.head) >> segmentBits === targets.segments.length) {
    targets.segments.push(segmentOver(addPage(targets.pages), targets.keyCount));
  }
  const segment = targetSegment(targets, number);
  const slot = targetSlot(number);
  touchTarget(segment, slot, targets.keyCount);
  segment.offset[slot] = offset;
  segment.eventTimeMs[slot] = eventTimeMs;
  for (let key = 0; key < targets.keyCount; key++) segment.keys[slot * targets.keyCount + key] = keys[key]!;
  for (let word = 0; word < 4; word++) segment.id[slot * 4 + word] = words[at + word]!;
  setId(targets.numbers, words, at, number % 2 ** 31);
}

/** The number of the event with an id; -1 when it is not remembered. */
export function findTarget(targets: Targets, words: Uint32Array, at: number): number {
  const value = getId(targets.numbers, words, at);
  return value < 0 ? -1 : targets.head + ((value - (targets.head % 2 ** 31) + 2 ** 31) % 2 ** 31);
}

/** The segment that holds a target. */
export function targetSegment(targets: Targets, number: number): TargetSegment {
  return targets.segments[(number - targets.head) >> segmentBits]!;
}

/** The target's number in its segment. */
export function targetSlot(number: number): number {
  return number & (segmentTargets - 1);
}

/** Forgets the oldest arrivals with an event time at or before `horizonMs`, up to the first that stays. */
export function forgetTargets(targets: Targets, horizonMs: number): void {
  for (; targets.oldest < targets.tail; targets.oldest++) {
    const segment = targetSegment(targets, targets.oldest);
    const slot = targetSlot(targets.oldest);
    if (segment.eventTimeMs[slot]! > horizonMs) break;
    deleteId(targets.numbers, segment.id, slot * 4);
  }
  const spent = Math.min((targets.oldest - targets.head) >> segmentBits, targets.segments.length);
  if (spent === 0) return;
  targets.segments.splice(0, spent);
  dropPages(targets.pages, spent);
  targets.head += spent * segmentTargets;
}

function layOutTargets(space: ColumnSpace, keyCount: number): Omit<TargetSegment, 'page'> {
  return {
    offset: space.float64(segmentTargets),
    eventTimeMs: space.float64(segmentTargets),
    keys: space.int32(segmentTargets * keyCount),
    id: space.uint32(segmentTargets * 4),
  };
}

function segmentOver(page: PageSegment, keyCount: number): TargetSegment {
  return { ...layOutTargets(createColumnSpace(page.buffer), keyCount), page };
}

function touchTarget({ page, offset, eventTimeMs, keys, id }: TargetSegment, slot: number, keyCount: number): void {
  touch(page, offset.byteOffset + slot * 8);
  touch(page, eventTimeMs.byteOffset + slot * 8);
  touch(page, id.byteOffset + slot * 16);
  const start = keys.byteOffset + slot * keyCount * 4;
  touchRange(page, start, start + keyCount * 4);
}
