import { expect, test } from 'vitest';
import { addPage, createPageBook, createPages, touch } from '../../core/engine/pages.ts';
import { createRemoteSink, type ToKeeper } from '../../runtime/remote-sink.ts';
import { createStateParts } from '../../runtime/state-part.ts';

const segmentBytes = 2 ** 20;

/** A state of so many segments, each slot of which was written. */
function writtenBook(segments: number) {
  const book = createPageBook();
  const pages = createPages(book, segmentBytes);
  for (let number = 0; number < segments; number++) {
    const page = addPage(pages);
    for (let word = 0; word < page.words.length; word += 16) {
      touch(page, word * 4);
      page.words[word] = number + 1;
    }
  }
  return { book, pages };
}

test('a half that writes faster than the keeper is told to wait, and goes on once it has room', () => {
  const sent: ToKeeper[] = [];
  const sink = createRemoteSink((message) => sent.push(message));
  const { book } = writtenBook(80);
  const parts = createStateParts({
    half: 'front',
    epoch: 1,
    book,
    interner: null,
    loaded: null,
    sink,
    batchesOfCut: 100,
  });
  parts.begin(1000, {});
  let slices = 0;
  for (; parts.isOpen() && !sink.isBehind(); slices++) parts.slice('some');
  expect(parts.isOpen()).toBe(true);
  const bytesOf = (message: ToKeeper): number => (message.kind === 'block' ? message.bytes.length : 0);
  const behind = sent.reduce((sum, message) => sum + bytesOf(message), 0);
  expect(behind).toBeLessThan(68 * 2 ** 20);
  sink.noteWritten(behind);
  expect(sink.isBehind()).toBe(false);
  for (; parts.isOpen() && !sink.isBehind(); slices++) parts.slice('some');
  expect(parts.isOpen()).toBe(false);
  expect(slices).toBeGreaterThan(20);
  expect(sent.at(0)).toEqual({ kind: 'begin', name: 'front-0000000000001000-1.part', extent: 'whole' });
  expect(sent.at(-1)).toEqual({ kind: 'end' });
});

test('a cut is whole again once what changed has come to as many bytes as the state has', () => {
  const extents: string[] = [];
  const sink = {
    begin: ({ extent }: { readonly extent: string }) => extents.push(extent),
    append: () => undefined,
    end: () => undefined,
  };
  const { book, pages } = writtenBook(4);
  const parts = createStateParts({
    half: 'back',
    epoch: 1,
    book,
    interner: null,
    loaded: null,
    sink,
    batchesOfCut: 1,
  });
  for (let cut = 0; cut < 8; cut++) {
    parts.begin(cut, {});
    parts.slice('all');
    // A quarter of the state.
    const page = pages.segments[cut % 4];
    for (let byte = 0; byte < segmentBytes; byte += 64) if (page !== undefined) touch(page, byte);
  }
  expect(extents).toEqual(['whole', 'changed', 'changed', 'changed', 'whole', 'changed', 'changed', 'changed']);
});
