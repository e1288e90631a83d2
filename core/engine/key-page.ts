import { addPage, createPages, type PageBook, type Pages, type PageSegment, touch, touchRange } from './pages.ts';

/** The records of 4,096 keys, and for each the newest label time and the offset of the latest label. */
export type KeyPage = {
  readonly records: Int32Array;
  readonly labels: Float64Array | null;
  readonly recordPage: PageSegment;
  readonly labelPage: PageSegment | null;
};

/** The pages of all keys, by number of the key, and the memory that they lie in. */
export type KeyPages = {
  readonly pages: (KeyPage | undefined)[];
  readonly records: Pages;
  readonly labels: Pages | null;
};

/**
 * Words of a record: the block's position or the hot key's number; `count << 8 | size class`, `hotMark` or 0 for a key
 * without entries; the lower half of the offset of the latest entry that did not come as the newest; one that is unused,
 * so that no record lies in two lines of cache.
 */
const recordWords = 4;

/** Keys of a page, as a power of two. */
export const keyPageBits = 12;
const pageKeys = 2 ** keyPageBits;
const pageMask = pageKeys - 1;

/** Where a key's record begins in its page. */
export function recordOf(key: number): number {
  return (key & pageMask) * recordWords;
}

/** Where a key's label times begin in its page. */
export function labelsOf(key: number): number {
  return (key & pageMask) * 2;
}

/** The pages of a book; none in a new one. */
export function createKeyPages(book: PageBook, { hasLabels }: { readonly hasLabels: boolean }): KeyPages {
  const records = createPages(book, pageKeys * recordWords * 4);
  const labels = hasLabels ? createPages(book, pageKeys * 2 * 8) : null;
  const pages: (KeyPage | undefined)[] = [];
  records.segments.forEach((page, number) => {
    if (page !== undefined) pages[number] = pageOver(page, labels?.segments[number] ?? null);
  });
  return { pages, records, labels };
}

/** Adds the page of a key that never had an entry. */
export function addKeyPage({ pages, records, labels }: KeyPages, key: number): KeyPage {
  const number = key >> keyPageBits;
  const labelPage = labels === null ? null : addPage(labels, number);
  const page = pageOver(addPage(records, number), labelPage);
  pages[number] = page;
  if (page.labels === null || labelPage === null) return page;
  touchRange(labelPage, 0, labelPage.buffer.byteLength);
  for (let at = 0; at < page.labels.length; at += 2) writeNoLabels(page.labels, at);
  return page;
}

/** Must be called before the record at a place of a page is written. */
export function touchRecord({ recordPage }: KeyPage, at: number): void {
  touch(recordPage, at * 4);
}

/** Must be called before the label times at a place of a page are written. */
export function touchLabels({ labelPage }: KeyPage, at: number): void {
  if (labelPage !== null) touch(labelPage, at * 8);
}

/** Forgets the label times at a place of a page. */
export function clearLabels(page: KeyPage, at: number): void {
  if (page.labels === null || page.labels[at + 1] === -1) return;
  touchLabels(page, at);
  writeNoLabels(page.labels, at);
}

function pageOver(recordPage: PageSegment, labelPage: PageSegment | null): KeyPage {
  const labels = labelPage === null ? null : new Float64Array(labelPage.buffer);
  return { records: recordPage.words, labels, recordPage, labelPage };
}

function writeNoLabels(labels: Float64Array, at: number): void {
  labels[at] = Number.NEGATIVE_INFINITY;
  labels[at + 1] = -1;
}
