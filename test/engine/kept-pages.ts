import { expect } from 'vitest';
import { applyCopies, createImages } from '../../core/engine/page-copies.ts';
import {
  beginPageCut,
  copyPageSlice,
  createPageBook,
  type PageBook,
  type PageImage,
  shapesOf,
  takeCopies,
} from '../../core/engine/pages.ts';

/**
 * What a reader of checkpoints has of a book: a first cut that is whole, and over it what was written between cuts. Each
 * cut must come out as the memory was when it began, byte for byte, whatever was written until it was copied.
 */
export class KeptPages {
  images: readonly PageImage[] = [];
  /** Cuts that did not hold everything, and slots of them that others were left out of. */
  changedCuts = 0;
  #open: { readonly book: PageBook; readonly images: PageImage[]; readonly live: readonly PageImage[] } | null = null;
  #isFirst = true;

  /** Begins a cut. */
  begin(book: PageBook, extent: 'changed' | 'whole'): void {
    this.finish();
    const effective = this.#isFirst ? 'whole' : extent;
    this.#isFirst = false;
    if (effective === 'changed') this.changedCuts++;
    const images = createImages(shapesOf(book));
    images.forEach((image, region) => carryOver(this.images[region], image));
    beginPageCut(book, effective);
    this.#open = { book, images, live: liveImages(book) };
  }

  /** Copies some of an open cut. */
  slice(slots: number): void {
    if (this.#open !== null) copyPageSlice(this.#open.book, slots);
  }

  /** Ends an open cut, and expects it to be what the memory was. */
  finish(): void {
    if (this.#open === null) return;
    const { book, images, live } = this.#open;
    while (book.isCopying) copyPageSlice(book, 1000);
    for (const copied of takeCopies(book, 'all')) applyCopies(images, copied);
    expectSameImages(images, live);
    this.images = images;
    this.#open = null;
  }

  /** A book that begins with the last cut. */
  restore(): PageBook {
    return createPageBook(structuredClone(this.images));
  }
}

/** A book with the memory of another, by a cut of all of it. */
export function copyOfBook(book: PageBook): PageBook {
  const kept = new KeptPages();
  kept.begin(book, 'whole');
  kept.finish();
  return kept.restore();
}

function liveImages({ regions }: PageBook): PageImage[] {
  return regions.map(({ segmentBytes, first, segments }) => {
    const copies: (Int32Array<ArrayBuffer> | undefined)[] = [];
    segments.forEach((segment, at) => (copies[at] = segment?.words.slice()));
    return { segmentBytes, first, segments: copies };
  });
}

function carryOver(from: PageImage | undefined, to: PageImage): void {
  to.segments.forEach((segment, at) => {
    const before = from?.segments[at + to.first - from.first];
    if (segment !== undefined && before !== undefined) segment.set(before);
  });
}

function expectSameImages(got: readonly PageImage[], expected: readonly PageImage[]): void {
  expect(got.map(({ first, segments }) => [first, segments.length])).toEqual(
    expected.map(({ first, segments }) => [first, segments.length]),
  );
  got.forEach((image, region) => {
    image.segments.forEach((segment, at) => {
      const live = expected[region]!.segments[at];
      const isSame =
        segment === undefined || live === undefined || Buffer.from(segment.buffer).equals(Buffer.from(live.buffer));
      expect({ region, segment: image.first + at, isSame }).toEqual({
        region,
        segment: image.first + at,
        isSame: true,
      });
    });
  });
}
