import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import lock from '../../package-lock.json' with { type: 'json' };
import manifest from '../../package.json' with { type: 'json' };
import { readTree } from '../../scripts/tree.ts';
import { type DependencyFacts, checkDependencies } from './dependencies.ts';
import { importsOf, packageOf } from './imports.ts';

const good: DependencyFacts = {
  runtime: { 'hyparquet-writer': '0.17.0' },
  development: { vitest: '5.1.1' },
  imported: new Set(['hyparquet-writer']),
  licences: new Map([['hyparquet-writer', 'MIT']]),
  decisions: '| `hyparquet-writer` | Parquet |',
};

describe('dependencies', () => {
  test('facts in order give no finding', () => {
    expect(checkDependencies(good)).toEqual([]);
  });

  test.each<[string, Partial<DependencyFacts>, string]>([
    ['a version range', { development: { vitest: '^5.1.1' } }, 'vitest: got version ^5.1.1, expected an exact one'],
    ['an unused package', { imported: new Set() }, 'hyparquet-writer: imported nowhere in the shipped code'],
    ['a package without a licence', { licences: new Map() }, 'hyparquet-writer: no licence found'],
    ['a package without a decision', { decisions: '`hyparquet`' }, 'hyparquet-writer: named in no docs/adr/*.md'],
  ])('%s is a finding', (_, change, finding) => {
    expect(checkDependencies({ ...good, ...change })).toEqual([finding]);
  });

  test('a licence that is not free enough is a finding, also of a package that another one brings', () => {
    const licences = new Map([...good.licences, ['deep', 'GPL-3.0']]);
    expect(checkDependencies({ ...good, licences })).toEqual([expect.stringContaining('deep: got licence GPL-3.0')]);
  });

  test('those of the tree are pinned, used, licensed and decided upon', () => {
    const facts = readFacts();
    expect(facts.licences.size).toBeGreaterThanOrEqual(Object.keys(manifest.dependencies).length);
    expect(checkDependencies(facts)).toEqual([]);
  });

  test('the tests run on the pinned Node', () => {
    expect(process.version).toBe(`v${manifest.devDependencies.node}`);
  });

  test('each runtime dependency can be imported on the pinned Node', () => {
    const names = Object.keys(manifest.dependencies);
    const code = names.map((name) => `console.log(Object.keys(await import('${name}')).length)`).join('\n');
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' });
    const exported = output.trim().split('\n').map(Number);
    expect(exported).toHaveLength(names.length);
    expect(Math.min(...exported)).toBeGreaterThan(0);
  });
});

const shipped = /^(bin|core|adapters|runtime|simulate|functions|lib)\/.*\.ts$/;

function readFacts(): DependencyFacts {
  const files = readTree();
  const imports = files.filter((file) => shipped.test(file.path)).flatMap(importsOf);
  const decisions = files.filter((file) => /^docs\/adr\/.*\.md$/.test(file.path));
  return {
    runtime: manifest.dependencies,
    development: manifest.devDependencies,
    imported: new Set(imports.flatMap(({ specifier }) => packageOf(specifier) ?? [])),
    licences: readLicences(),
    decisions: decisions.map((file) => file.text).join('\n'),
  };
}

/** Of the packages that are installed for runtime: the lock file marks the others as development. */
function readLicences(): ReadonlyMap<string, string> {
  const entry = z.object({
    dev: z.boolean().optional(),
    optional: z.boolean().optional(),
    license: z.string().optional(),
  });
  const entries = z.record(z.string(), entry).parse(lock.packages);
  const folders = Object.entries(entries).filter(([folder, { dev }]) => folder !== '' && dev !== true);
  return new Map(
    folders.map(([folder, { optional, license = 'none' }]) => {
      // A package for another kind of machine is not installed here: the lock file says what it is under.
      const isElsewhere = optional === true && !existsSync(`${folder}/package.json`);
      return [folder.replace(/^.*node_modules\//, ''), isElsewhere ? license : licenceOf(folder)];
    }),
  );
}

function licenceOf(folder: string): string {
  const packageManifest = z.object({ license: z.string().default('none') });
  return packageManifest.parse(JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))).license;
}
