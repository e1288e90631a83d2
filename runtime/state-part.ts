import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { Disk } from '../adapters/files/disk.ts';
import { offsetName } from '../adapters/files/durable-file.ts';
import { type PartDamage, type PartEntry, readPart } from '../adapters/files/part-file.ts';
import type { Interner } from '../core/decode/interner.ts';
import { exportFrom, importTexts } from '../core/decode/interner-transfer.ts';
import { applyCopies, createImages, giveBackArray, type PageShape, slotBytes } from '../core/engine/page-copies.ts';
import { beginPageCut, copyPageSlice, pageBytes, shapesOf, takeCopies } from '../core/engine/pages.ts';
import type { PageBook, PageImage } from '../core/engine/pages.ts';

/** The two halves of the pipeline, each with parts of its own. */
export type HalfName = 'front' | 'back';

/** Where the blocks of a half's parts go: to a file, or to the thread that writes it. */
export type PartSink = {
  readonly begin: (part: { readonly name: string; readonly extent: 'changed' | 'whole' }) => void;
  /** The bytes are written, or their memory is taken away, before this returns. */
  readonly append: (kind: number, bytes: Uint8Array<ArrayBuffer>) => void;
  readonly end: () => void;
};

/** What a half's parts hold: what of its state is no pages, its regions, and its pages and texts. */
export type LoadedHalf = {
  readonly rest: unknown;
  readonly images: readonly PageImage[];
  readonly texts: readonly Uint8Array[];
  /** Bytes of the first part and of those after it. */
  readonly baseBytes: number;
  readonly changedBytes: number;
};

/**
 * Writes the parts of a half: at a cut what is no pages, and then, in slices between batches, the slots that were written
 * since the cut before; the whole state once such slots have come to as many bytes as the state has.
 */
export type StateParts = {
  /** Begins the part of the cut at an offset, and ends the one before. */
  readonly begin: (offset: number, rest: unknown) => void;
  /**
   * Goes on with the open part; `all` ends it. Nothing to do without one. `share` is how much of a full batch was taken
   * since the slice before: small batches are held up little.
   */
  readonly slice: (extent: 'some' | 'all', share?: number) => void;
  readonly isOpen: () => boolean;
};

export type StatePartsOptions = {
  readonly half: HalfName;
  readonly epoch: number;
  readonly book: PageBook;
  /** Whose texts belong to the half; null where another half has them. */
  readonly interner: Interner | null;
  readonly loaded: LoadedHalf | null;
  readonly sink: PartSink;
  /** Batches of a cut: its part is to have ended before they have passed. */
  readonly batchesOfCut: number;
};

const kinds = { rest: 1, texts: 2, slots: 3 } as const;
const textsOfSlice = 65_536;
/** A slice after a full batch copies at least this many slots, any other at least the few that cost some microseconds. */
const sliceSlotsMin = 4096;
const sliceSlotsLeast = 512;
const textsLeast = 1024;

type Rest = { readonly rest: unknown; readonly shapes: readonly PageShape[] };

/** Begins to write the parts of a half whose state is new or as loaded. */
export function createStateParts(options: StatePartsOptions): StateParts {
  const { half, epoch, book, interner, loaded, sink, batchesOfCut } = options;
  let baseBytes = loaded?.baseBytes ?? 0;
  let changedBytes = loaded?.changedBytes ?? 0;
  const texts = createTextRange(interner, loaded === null ? 0 : (interner?.size ?? 0));
  let isOpen = false;
  let isWhole = false;
  let sliceSlots = sliceSlotsMin;

  const send = (kind: number, bytes: Uint8Array<ArrayBuffer>): void => {
    if (!isWhole) changedBytes += bytes.length;
    sink.append(kind, bytes);
  };

  const sendCopies = (extent: 'full' | 'all'): void => {
    for (const { words, usedWords } of takeCopies(book, extent)) {
      send(kinds.slots, new Uint8Array(words.buffer, 0, usedWords * 4));
      giveBackArray(book.copies, words);
    }
  };

  function slice(extent: 'some' | 'all', share = 1): void {
    do {
      if (!isOpen) return;
      const packed = texts.next(Math.max(textsLeast, Math.ceil(textsOfSlice * share)));
      if (packed !== null) send(kinds.texts, packed);
      else copyPageSlice(book, Math.max(sliceSlotsLeast, Math.ceil(sliceSlots * share)));
      sendCopies('full');
      if (book.isCopying || packed !== null) continue;
      sendCopies('all');
      sink.end();
      isOpen = false;
    } while (extent === 'all');
  }

  return {
    begin: (offset, rest) => {
      slice('all');
      isWhole = baseBytes === 0 || changedBytes + book.markedSlots * slotBytes >= pageBytes(book);
      const extent = isWhole ? 'whole' : 'changed';
      sink.begin({ name: `${half}-${offsetName(offset)}-${epoch}.part`, extent });
      if (isWhole) {
        baseBytes = Math.max(1, pageBytes(book));
        changedBytes = 0;
      }
      texts.begin(extent);
      const slots = beginPageCut(book, extent);
      sliceSlots = Math.max(sliceSlotsMin, Math.ceil((slots / batchesOfCut) * sliceShare));
      const state: Rest = { rest, shapes: shapesOf(book) };
      send(kinds.rest, new Uint8Array(serialize(state)));
      isOpen = true;
    },
    slice,
    isOpen: () => isOpen,
  };
}

/** The texts of a part, some at a time. */
function createTextRange(interner: Interner | null, told: number) {
  let from = told;
  let until = told;
  return {
    begin: (extent: 'changed' | 'whole'): void => {
      if (extent === 'whole') from = 0;
      until = interner?.size ?? 0;
    },
    /** Null when none are left. */
    next: (countMax: number): Uint8Array<ArrayBuffer> | null => {
      if (interner === null || from === until) return null;
      const to = Math.min(until, from + countMax);
      const packed = exportFrom(interner, from, to);
      from = to;
      return packed;
    },
  };
}

/** A part is to have ended after nine tenths of a cut's batches: the more of them, the less each has to wait. */
const sliceShare = 1.1;

/** The parts of a half in a folder, the first of them whole. */
export type StoredHalf = { readonly dir: string; readonly parts: readonly PartEntry[]; readonly disk: Disk };

/** Reads the parts of a half; what is wrong with one of them where something is. */
export function loadHalf(half: StoredHalf): LoadedHalf | PartDamage {
  const state = readState(half);
  if ('why' in state) return state;
  const { dir, parts, disk } = half;
  const images = createImages(state.shapes);
  const texts: Uint8Array[] = [];
  for (const entry of parts) {
    const damage = readPart({ dir, entry, disk }, ({ kind, bytes }) => {
      const usedWords = bytes.length >> 2;
      if (kind === kinds.texts) texts.push(bytes.slice());
      if (kind === kinds.slots) applyCopies(images, { words: new Int32Array(bytes.buffer, 0, usedWords), usedWords });
      return 'more';
    });
    if (damage !== null) return damage;
  }
  const [base = 0, ...changed] = parts.map(({ sizeBytes }) => sizeBytes);
  return { rest: state.rest, images, texts, baseBytes: base, changedBytes: changed.reduce((sum, one) => sum + one, 0) };
}

/** What of a half is no pages, from its last part; null when that part is damaged where it tells. */
export function readRest(half: StoredHalf): unknown {
  const state = readState(half);
  return 'why' in state ? null : state.rest;
}

function readState({ dir, parts, disk }: StoredHalf): Rest | PartDamage {
  const last = parts.at(-1);
  if (last === undefined) return { file: dir, why: 'got a checkpoint without parts' };
  const found: Rest[] = [];
  const damage = readPart({ dir, entry: last, disk }, ({ kind, bytes }) => {
    // Behind the block's checksum it is what `begin` wrote.
    if (kind === kinds.rest) found.push(deserialize(bytes) as Rest);
    return 'enough';
  });
  const damaged = { file: join(dir, last.name), why: 'the part does not begin with the rest of a state' };
  return damage ?? found[0] ?? damaged;
}

/** Gives an interner without texts those of a loaded half. */
export function importLoadedTexts(interner: Interner, loaded: Pick<LoadedHalf, 'texts'>): void {
  for (const packed of loaded.texts) importTexts(interner, packed);
}
