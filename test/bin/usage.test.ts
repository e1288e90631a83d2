import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { inRepository, runWeir, temporaryDirectory } from './weir-process.ts';

const { dir, remove } = temporaryDirectory();
afterAll(remove);

const unknownField = join(dir, 'unknown-field.ts');
writeFileSync(
  unknownField,
  `import { authorizationContract } from '${inRepository('core/contract/authorization.ts')}';
import { defineFeatures } from '${inRepository('core/features/define.ts')}';
export default defineFeatures({
  name: 'typo', version: 1, on: authorizationContract, features: (payment) => ({ amount: payment.amuont }),
});`,
);
const payments = inRepository('examples/small/payments.csv');

const weir = (...args: string[]) => runWeir(args, dir);

describe.concurrent('what was asked wrongly ends with 2 and an empty standard output', () => {
  test.each([
    [['demoo'], /unknown command 'demoo'[\s\S]*Did you mean demo\?/],
    [['demo', '--evnts', '5'], /Did you mean --events\?/],
    [['demo', '--events', 'many'], /Expected a whole number of at least 1/],
    [['run', '--out', 'x'], /--source <file>' not specified/],
    [['run', '--source', 'none.csv', '--out', 'x'], /got no file at none.csv[\s\S]*weir generate/],
    [['explain', 'abc', '--out', 'none'], /got no directory at none[\s\S]*RUN_MISSING/],
    [['ledger', 'verify', '--out', '.'], /no run has written/],
    [['run', '--source', payments, '--out', 'x', '--definition', unknownField], /unknown field amuont of payments/],
    [['demo', '--model', 'none.json'], /got no file at none.json[\s\S]*FILE_MISSING/],
    [['redrive', '--out', 'none', '--dry-run'], /RUN_MISSING/],
    [[], /Start here:[\s\S]*got no command/],
  ])('%j', async (args, message) => {
    const { exitCode, out, error } = await weir(...args);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(error).toMatch(message);
    expect(error).not.toMatch(/\n {4}at /);
  });

  test('with --json a failure is one JSON object on standard error', async () => {
    const { exitCode, out, error } = await weir('run', '--source', 'none.csv', '--out', 'x', '--json');
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(JSON.parse(error)).toEqual({
      code: 'SOURCE_MISSING',
      message: expect.stringContaining('none.csv'),
      fix: expect.stringContaining('weir generate'),
    });
  });

  test('--debug shows the stack', async () => {
    const { error } = await weir('run', '--source', 'none.csv', '--out', 'x', '--debug');
    expect(error).toMatch(/\n {4}at /);
  });

  test('a card number that was typed is not repeated', async () => {
    const { error } = await weir('run', '--source', '4111111111111111', '--out', 'x', '--format', 'csv');
    expect(error).toContain('[card number]');
    expect(error).not.toContain('4111');
  });
});

describe.concurrent('help and version are data', () => {
  test('--version', async () => {
    expect(await weir('--version')).toEqual({ exitCode: 0, out: `${manifest.version}\n`, error: '' });
  });

  test('--help groups the commands and says what the exit codes are', async () => {
    const { exitCode, out } = await weir('--help');
    expect(exitCode).toBe(0);
    expect(out).toMatch(/Start here:\n {2}demo[\s\S]*Exit codes: 0 ok/);
  });

  test('completion knows every command and option', async () => {
    const { exitCode, out } = await weir('completion', 'bash');
    expect(exitCode).toBe(0);
    expect(out).toContain("'ledger') words='verify help --help'");
    expect(out).toMatch(/'demo'\) words='.*--rate .*--once /);
    expect(out).toContain("'completion') words='bash zsh --help'");
  });
});
