import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLines } from '../../../adapters/files/source-lines.ts';

async function* cut(bytes: Buffer, sizesBytes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const sizeBytes of [...sizesBytes, bytes.length]) {
    if (start < bytes.length) yield bytes.subarray(start, start + sizeBytes);
    start += sizeBytes;
  }
}

async function linesOf(chunks: AsyncIterable<Uint8Array>, quoting: 'none' | 'csv'): Promise<string[]> {
  const lines = (await Array.fromAsync(splitLines(chunks, quoting))).flat();
  return lines.map(({ bytes, damage }) => `${damage ?? ''}|${Buffer.from(bytes).toString('latin1')}`);
}

const pieces = fc.array(fc.constantFrom('a', 'b', '"', '""', ',', '\n', '\r\n'), { maxLength: 40 });
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 20 });

test('without quoting the lines are those of a split at line ends, blank ones left out', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, sizes, async (text, sizesBytes) => {
      const content = text.join('');
      const twin = content.split(/\r?\n/).filter((line) => line !== '');
      const lines = await linesOf(cut(Buffer.from(content), sizesBytes), 'none');
      expect(lines).toEqual(twin.map((line) => `|${line}`));
    }),
  );
});

test('fields quoted as RFC 4180 says keep their line ends', async () => {
  const field = fc.oneof(
    fc.constantFrom('', 'x', 'y z'),
    fc
      .array(fc.constantFrom('a', '"', ',', '\n', '\r\n'), { maxLength: 6 })
      .map((inside) => `"${inside.join('').replaceAll('"', '""')}"`),
  );
  const row = fc.array(field, { minLength: 2, maxLength: 4 }).map((fields) => fields.join(','));
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { maxLength: 8 }),
      sizes,
      fc.constantFrom('', '\n'),
      async (rows, sizesBytes, end) => {
        const lines = await linesOf(cut(Buffer.from(rows.join('\n') + end), sizesBytes), 'csv');
        expect(lines).toEqual(rows.map((line) => `|${line}`));
      },
    ),
  );
});

test('no byte is lost or added but line ends, whatever the quotes and the cuts', async () => {
  await fc.assert(
    fc.asyncProperty(pieces, sizes, async (text, sizesBytes) => {
      const content = text.join('');
      const lines = await linesOf(cut(Buffer.from(content), sizesBytes), 'csv');
      const bytes = lines.map((line) => line.slice(line.indexOf('|') + 1)).join('');
      expect(bytes.replaceAll(/[\r\n]/g, '')).toBe(content.replaceAll(/[\r\n]/g, ''));
      expect(lines).toEqual(await linesOf(cut(Buffer.from(content), []), 'csv'));
    }),
  );
});

test('a quote that stays open for a megabyte damages its line only', async () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => `row,${index}`);
  const lines = await linesOf(cut(Buffer.from(['x,"open', ...rows].join('\n')), [70_000, 300_000]), 'csv');
  expect(lines).toHaveLength(200_001);
  expect(lines.slice(0, 2)).toEqual(['badQuote|x,"open', '|row,0']);
  expect(lines.at(-1)).toBe('|row,199999');
});
