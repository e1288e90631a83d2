import { readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import vitestConfig from '../../vitest.config.ts';
import { listTree, readTree } from '../../scripts/tree.ts';
import { applyRule } from './rule.ts';
import { rules } from './rules.ts';

const files = readTree();

describe('the tree', () => {
  test.each(rules)('$name', (rule) => {
    const { seen, findings } = applyRule(rule, files);
    expect(findings).toEqual([]);
    expect(seen).toBe(countOnDisk(rule.reads));
  });

  test('has sources in core and in test for the rules to read', () => {
    expect(countOnDisk((path) => path.startsWith('core/') && path.endsWith('.ts'))).toBeGreaterThan(2);
    expect(countOnDisk((path) => path.startsWith('test/') && path.endsWith('.ts'))).toBeGreaterThan(2);
  });

  test('has no test file that both suites leave out, or both run', () => {
    const tests = listTree().filter((path) => path.endsWith('.test.ts'));
    const unit = tests.filter((path) => path.startsWith('test/') && !path.startsWith('test/integration/'));
    const integration = tests.filter((path) => path.startsWith('test/integration/'));
    expect(tests).toEqual([...unit, ...integration].sort());
    expect(vitestConfig.test?.projects).toMatchObject([
      { test: { include: ['test/**/*.test.ts'], exclude: ['test/integration/**'] } },
      { test: { include: ['test/integration/**/*.test.ts'] } },
    ]);
  });
});

/** Counts the slow way, from the disk and not from git: everything but the folders that .gitignore names. */
function countOnDisk(reads: (path: string) => boolean): number {
  const ignored = readFileSync('.gitignore', 'utf8').match(/^[^*\n]+(?=\/$)/gm) ?? [];
  return listBelow('.', new Set(['.git', ...ignored])).filter(reads).length;
}

function listBelow(folder: string, ignored: ReadonlySet<string>): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (ignored.has(entry.name)) return [];
    const path = posix.join(folder, entry.name);
    return entry.isDirectory() ? listBelow(path, ignored) : [path];
  });
}
