import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { chooseMapping, loadMapping } from '../../../adapters/files/source-mapping.ts';
import type { Mapping } from '../../../core/contract/mapping.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-mapping-'));
afterAll(() => rmSync(directory, { recursive: true }));

function writeModule(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function mappingOf(name: string, columns: readonly string[]): Mapping {
  return { name, version: 1, topic: 'a.v1', columns, map: () => ({ kind: 'mapped', events: [], deferred: [] }) };
}

test('a mapping file exports it by name or as its default', async () => {
  expect((await loadMapping('examples/small/mapping.ts')).name).toBe('shop');
  const body = `{ name: 'own', version: 2, topic: 'a.v1', columns: ['x'], map: () => null }`;
  expect((await loadMapping(writeModule('own.mjs', `export default ${body};`))).version).toBe(2);
});

test('a mapping file that does not load, or exports something else, is refused with the reason', async () => {
  await expect(loadMapping(join(directory, 'none.mjs'))).rejects.toMatchObject({ code: 'MAPPING_NOT_LOADED' });
  await expect(loadMapping(writeModule('throws.mjs', 'throw new Error("no")'))).rejects.toThrow('does not load: no');
  await expect(loadMapping(writeModule('empty.mjs', ''))).rejects.toThrow('with no export named mapping');
  const bad = writeModule(
    'bad.mjs',
    'export const mapping = { name: "", version: 1.5, columns: [1], keys: { t: [] } };',
  );
  await expect(loadMapping(bad)).rejects.toMatchObject({
    code: 'MAPPING_BAD',
    message: expect.stringContaining(
      'no name, no whole number as its version, no topic, no list of columns, keys that are no lists of columns by table, no function map',
    ),
  });
});

test('of the built-in mappings that fit, the one with the most columns is chosen', () => {
  const builtInMappings = [mappingOf('one', ['a']), mappingOf('two', ['a', 'b']), mappingOf('three', ['a', 'b', 'c'])];
  expect(chooseMapping({ path: 'x', columns: ['b', 'a', 'z'], builtInMappings }).name).toBe('two');
  const mapping = mappingOf('mine', ['z']);
  expect(chooseMapping({ path: 'x', columns: ['b', 'a', 'z'], builtInMappings, mapping }).name).toBe('mine');
});
