import { describe, expect, test } from 'vitest';
import { everyTestRunsRule, sleepRule, unfinishedRule } from './discipline.ts';
import { erasableRule, escapeRule } from './escapes.ts';
import { importRule } from './imports.ts';
import { fileNameRule, timeNameRule } from './names.ts';
import { innerPathRule, machinePathRule } from './paths.ts';
import { purityRule } from './purity.ts';
import { type Rule, applyRule } from './rule.ts';
import { rules } from './rules.ts';
import { deployableSizeRule, fileSizeRule, functionSizeRule } from './sizes.ts';

/** The findings in one sample, and a proof that the rule read it. */
function findingsIn(rule: Rule, path: string, text: string): readonly string[] {
  const { seen, findings } = applyRule(rule, [{ path, text }]);
  expect(seen).toBe(1);
  return findings;
}

/** A sample that breaks a rule, a sample beside it that does not, and what the finding says. */
type Sample = readonly [rule: Rule, path: string, bad: string, good: string, finding: string];

const lines = (count: number): string => '// line\n'.repeat(count);
const body = (count: number): string => `function f(): void {\n${'  g();\n'.repeat(count - 2)}}\n`;
const later = `TO${'DO'}: later`;

const samples: readonly Sample[] = [
  [purityRule, 'core/engine/a.ts', 'const a = Date.now();', 'const a = Date.UTC(2026);', ':1 core uses Date.now'],
  [purityRule, 'core/engine/a.ts', '\nnew Date();', 'new Date(timeMs);', ':2 core uses new Date with 0 arguments'],
  [purityRule, 'core/engine/a.ts', 'Math.random();', 'Math.max(1, 2);', ':1 core uses Math.random'],
  [purityRule, 'core/engine/a.ts', 'f(process.env);', 'f(shop.process);', ':1 core uses process.env'],
  [purityRule, 'core/engine/a.ts', 'console.log(1);', "f('console.log(1)');", ':1 core uses console.log'],
  [purityRule, 'core/engine/a.ts', 'performance.now();', '// performance.now()', ':1 core uses performance.now'],
  [purityRule, 'core/engine/a.ts', 'setTimeout(f, 1);', 'timers.setTimeout;', ':1 core uses setTimeout()'],
  [purityRule, 'core/engine/a.ts', 'date.getHours();', 'date.getUTCHours();', 'getHours, which reads the local'],
  [fileSizeRule, 'training/a.py', lines(301), lines(300), ':301 got 301 lines, expected at most 300'],
  [deployableSizeRule, 'functions/a.ts', lines(41), lines(40), ':41 got 41 lines, expected at most 40'],
  [functionSizeRule, 'core/engine/a.ts', body(61), body(60), ':1 got a function of 61 lines, expected at most 60'],
  [
    functionSizeRule,
    'test/a.test.ts',
    `test('', () => {\n${lines(60)}});`,
    `describe('', () => {\n${lines(60)}});`,
    ':1 got',
  ],
  [timeNameRule, 'core/engine/a.ts', 'const now = 1;', 'const eventTimeMs = record.now;', ':1 now does not say'],
  [timeNameRule, 'core/engine/a.ts', 'type A = { ts: number };', 'const { ts: timeMs } = a;', ':1 ts does not say'],
  [timeNameRule, 'core/engine/a.ts', '(timestamp: number) => 1;', "f('timestamp');", ':1 timestamp does not say'],
  [escapeRule, 'core/engine/a.ts', 'let a: any;', 'let a: unknown; // any', ':1 uses any'],
  [escapeRule, 'core/engine/a.ts', 'f(a as any);', 'f(a as A);', ':1 uses any'],
  [escapeRule, 'core/engine/a.ts', 'f(a as unknown as A);', 'f(a as unknown);', ':1 uses as unknown as'],
  [escapeRule, 'core/engine/a.ts', 'JSON.parse(a) as A;', 'JSON.parse(a) as unknown;', ':1 uses as on parsed JSON'],
  [escapeRule, 'core/engine/a.ts', '/* @ts-ignore */', "f('@ts-ignore');", ':1 uses @ts-ignore'],
  [escapeRule, 'core/engine/a.ts', '\n// @ts-expect-error', '', ':2 uses @ts-expect-error'],
  [
    escapeRule,
    'a.ts',
    '// oxlint-disable eqeqeq',
    '// oxlint-disable eqeqeq -- null and undefined',
    'without a reason',
  ],
  [erasableRule, 'core/engine/a.ts', 'enum A { B }', 'const A = { B: 0 } as const;', ':1 uses an enum'],
  [erasableRule, 'core/engine/a.ts', 'namespace A { f(); }', 'const namespace = 1;', ':1 uses a namespace'],
  [erasableRule, 'core/engine/a.ts', '@sealed class A {}', 'class A {}', ':1 uses a decorator'],
  [
    erasableRule,
    'a.ts',
    'class A { constructor(private b: B) {} }',
    'class A { constructor(b: B) {} }',
    'parameter property',
  ],
  [unfinishedRule, 'core/engine/a.ts', `// ${later}`, `f('${later}');`, ':1 leaves work for later'],
  [unfinishedRule, 'docs/a.md', `\n${later}`, 'Tools to do it', ':2 leaves work for later'],
  [everyTestRunsRule, 'test/a.test.ts', "test.only('a', f);", "test('only', f);", ':1 test.only leaves tests out'],
  [everyTestRunsRule, 'test/a.test.ts', "describe.skip('a', f);", 'list.skip(1);', ':1 describe.skip leaves tests out'],
  [
    everyTestRunsRule,
    'test/a.test.ts',
    "it('a', { skip: true }, f);",
    "it('a', { retry: 0 }, f);",
    ':1 it.skip leaves',
  ],
  [everyTestRunsRule, 'test/a.test.ts', "test.skipIf(a)('b', f);", "// No data.\ntest.skipIf(a)('b', f);", 'says why'],
  [sleepRule, 'test/a.test.ts', 'setTimeout(done, 10);', 'f(clock.setTimeout);', ':1 sleeps'],
  [sleepRule, 'test/a.test.ts', "import { setTimeout } from 'node:timers/promises';", "import 'node:fs';", ':1 sleeps'],
  [
    machinePathRule,
    'docs/a.md',
    `see ${'/'}home/ada/weir`,
    'see https://weir.test/home/ada',
    ':1 names a folder of one',
  ],
  [machinePathRule, 'core/engine/a.ts', `f('${'/'}tmp');`, "f('./tmp');", ':1 names a folder of one machine'],
  [
    innerPathRule,
    'core/engine/a.ts',
    `import '${'../'.repeat(3)}a.ts';`,
    "import '../a.ts';",
    'leads out of the repository',
  ],
];

describe('a rule', () => {
  test.each(samples)('$0.name: fires on $2', (rule, path, bad, good, finding) => {
    expect(findingsIn(rule, path, bad)).toEqual([expect.stringContaining(finding)]);
    expect(findingsIn(rule, path, good)).toEqual([]);
  });

  test('of file names fires on a file of core that is named after nothing', () => {
    expect(findingsIn(fileNameRule, 'core/engine/utils.ts', '')).toEqual(['core/engine/utils.ts:1 names no idea']);
    expect(findingsIn(fileNameRule, 'core/engine/watermark.ts', '')).toEqual([]);
  });

  test('of each kind has a sample here, a test above, or a file of its own', () => {
    const sampled = new Set([...samples.map(([rule]) => rule), fileNameRule, importRule]);
    expect(rules.filter((rule) => !sampled.has(rule))).toEqual([]);
  });

  test('of type escapes lets a test of types expect a compile error', () => {
    expect(findingsIn(escapeRule, 'test/a.types.test.ts', '// @ts-expect-error a string is no number')).toEqual([]);
  });
});
