import { describe, expect, test } from 'vitest';
import { importRule, packageOf } from './imports.ts';
import { applyRule } from './rule.ts';

function findingsIn(path: string, text: string): readonly string[] {
  const { seen, findings } = applyRule(importRule, [{ path, text }]);
  expect(seen).toBe(1);
  return findings;
}

describe('the import rule', () => {
  test.each([
    ['core/decode/a.ts', "import '../engine/b.ts';", 'decode imports the later stage engine'],
    ['core/engine/a.ts', "import '../pipeline.ts';", 'a stage imports core/pipeline.ts'],
    ['core/limits.ts', "import './engine/b.ts';", 'core/limits.ts is in no stage'],
    ['core/engine/a.ts', "import { z } from 'zod';", 'zod belongs to core/contract only'],
    ['core/contract/a.ts', "import 'commander';", 'core imports the package commander'],
    ['core/engine/a.ts', "import 'node:fs';", 'core imports node:fs'],
    ['core/engine/a.ts', "import 'fs';", 'core imports fs'],
    ['core/engine/a.ts', "import { randomUUID } from 'node:crypto';", 'core imports randomUUID of node:crypto'],
    ['core/engine/a.ts', "import * as crypto from 'node:crypto';", 'core imports * of node:crypto'],
    ['core/sinks/a.ts', "import '../../adapters/files/b.ts';", 'core imports adapters'],
    ['core/sinks/a.ts', "type A = import('../../runtime/b.ts').B;", 'core imports runtime'],
    ['core/sinks/a.ts', "export * from '../../runtime/b.ts';", 'core imports runtime'],
    ['core/sinks/a.ts', "await import('../../runtime/b.ts');", 'core imports runtime'],
    ['adapters/files/a.ts', "import '../kafka/b.ts';", 'an adapter imports adapters/kafka/b.ts'],
    ['adapters/files/a.ts', "import '../../runtime/b.ts';", 'adapters imports runtime'],
    ['runtime/a.ts', "import '../simulate/b.ts';", 'runtime imports simulate'],
    ['lib/a.ts', "import '../functions/b.ts';", 'lib imports functions'],
    ['lib/a.ts', "import 'hono';", 'lib imports the package hono'],
    ['functions/a.ts', "import '../lib/b.ts';", 'functions imports lib'],
    ['examples/small/a.ts', "import '../../runtime/b.ts';", 'examples imports runtime'],
    ['examples/small/a.ts', "import 'csv-parse';", 'examples imports the package csv-parse'],
    ['bin/weir.ts', "import '../test/b.ts';", 'bin imports test'],
    ['elsewhere/a.ts', "import '../core/pipeline.ts';", 'no import rule knows the folder elsewhere'],
  ])('%s with %s is a finding', (path, text, finding) => {
    expect(findingsIn(path, text)).toEqual([expect.stringContaining(`${path}:1 ${finding}`)]);
  });

  test.each([
    ['core/contract/a.ts', "import { z } from 'zod'; import './b.ts';"],
    ['core/engine/a.ts', "import { hash } from 'node:crypto'; import '../decode/b.ts'; import './window.ts';"],
    ['core/pipeline.ts', "import './sinks/b.ts'; import './contract/c.ts';"],
    ['adapters/files/a.ts', "import 'node:fs'; import 'hyparquet'; import './b.ts'; import '../../core/engine/c.ts';"],
    ['runtime/a.ts', "import '../adapters/files/b.ts'; import '../core/pipeline.ts';"],
    ['lib/a.ts', "import 'aws-cdk-lib/aws-kinesis'; import 'constructs';"],
    ['examples/small/a.ts', "import '../../core/features/define.ts';"],
  ])('%s with %s is none', (path, text) => {
    expect(findingsIn(path, text)).toEqual([]);
  });

  test('the same finding is reported once a file, at its first line', () => {
    expect(findingsIn('core/limits.ts', "import './engine/a.ts';\nimport './engine/b.ts';")).toHaveLength(1);
    expect(findingsIn('core/limits.ts', "\nimport './engine/a.ts';\nimport './engine/b.ts';")[0]).toContain(':2 ');
  });

  test('a package is named without the path inside it', () => {
    expect(['zod/v4', '@duckdb/node-api/lib/a.js', 'node:fs', './a.ts'].map(packageOf)).toEqual([
      'zod',
      '@duckdb/node-api',
      null,
      null,
    ]);
  });
});
