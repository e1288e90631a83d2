import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createPart, type PartEntry, readPart } from '../../../adapters/files/part-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-part-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const blocks = [
  { kind: 1, bytes: Uint8Array.from({ length: 100 }, (_, at) => at) },
  { kind: 3, bytes: new Uint8Array(0) },
  { kind: 255, bytes: new Uint8Array(5000).fill(7) },
];

function writePart(name: string): PartEntry {
  const part = createPart({ dir, name });
  for (const { kind, bytes } of blocks) part.append(kind, bytes);
  return part.finish();
}

function read(entry: PartEntry) {
  const got: { readonly kind: number; readonly bytes: number[] }[] = [];
  const damage = readPart({ dir, entry }, ({ kind, bytes }) => {
    got.push({ kind, bytes: [...bytes] });
    return 'more';
  });
  return { got, damage };
}

describe('a part', () => {
  test('has the blocks that were appended, in order', () => {
    const { got, damage } = read(writePart('front-0000000000000001-1.part'));
    expect(damage).toBe(null);
    expect(got).toEqual(blocks.map(({ kind, bytes }) => ({ kind, bytes: [...bytes] })));
  });

  test('is damaged when any byte of it is another', () => {
    const name = 'front-0000000000000002-1.part';
    const entry = writePart(name);
    const whole = readFileSync(join(dir, name));
    let flipped = 0;
    for (let at = 0; at < whole.length; at += at < 160 ? 1 : 97) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x04;
      writeFileSync(join(dir, name), damaged);
      expect([at, read(entry).damage?.file]).toEqual([at, join(dir, name)]);
      flipped++;
    }
    expect(flipped).toBeGreaterThan(200);
  });

  test('is damaged when it ends early, is longer, is another one, or is missing', () => {
    const name = 'back-0000000000000003-1.part';
    const entry = writePart(name);
    const whole = readFileSync(join(dir, name));
    truncateSync(join(dir, name), whole.length - 1);
    expect(read(entry).damage?.why).toBe(`got ${whole.length - 1} bytes, expected ${whole.length}`);
    writeFileSync(join(dir, name), Buffer.concat([whole, Buffer.alloc(1)]));
    expect(read(entry).damage?.why).toBe(`got ${whole.length + 1} bytes, expected ${whole.length}`);
    const other = createPart({ dir, name });
    for (const { kind, bytes } of blocks) other.append(kind, bytes.toReversed());
    other.finish();
    expect(read(entry).damage?.why).toBe('the checksum of the part does not match');
    rmSync(join(dir, name));
    expect(read(entry).damage?.why).toBe('the file is missing');
  });
});
