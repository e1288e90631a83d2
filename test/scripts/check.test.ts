import { describe, expect, test } from 'vitest';
import { gate, judgeStep } from '../../scripts/check.ts';
import reportKnipCount from '../../scripts/knip-count.ts';

const outputs: Readonly<Record<string, string>> = {
  types: `/elsewhere/node_modules/a.d.ts\n${process.cwd()}/core/a.ts\n${process.cwd()}/test/b.ts\n`,
  lint: 'Found 0 warnings and 0 errors.\nFinished in 12ms on 2 files with 9 rules using 2 threads.\n',
  format: 'Finished in 8ms on 2 files using 2 threads.\n',
  tidy: ' Test Files  3 passed (3)\n      Tests  2 passed (2)\n',
  'dead code': 'Analysed 2 files\n',
};

describe('the gate', () => {
  const steps = gate(['core/a.ts', 'test/b.ts']);

  test.each(steps)('$name passes when it saw the whole tree', (step) => {
    expect(judgeStep(step, { exitCode: 0, output: outputs[step.name] ?? '' })).toEqual({
      ok: true,
      message: `2 ${step.unit}`,
    });
  });

  test.each(steps)('$name fails when it saw nothing, although its command passed', (step) => {
    expect(judgeStep(step, { exitCode: 0, output: 'all is well' })).toMatchObject({ ok: false });
  });

  test.each(steps)('$name fails when its command did', (step) => {
    expect(judgeStep(step, { exitCode: 2, output: outputs[step.name] ?? '' })).toEqual({
      ok: false,
      message: 'exit code 2',
    });
  });

  test('a step that missed a file fails, says how many it saw, and the compiler names the file', () => {
    const output = outputs['types'] ?? '';
    const [types] = gate(['core/a.ts', 'test/b.ts', 'bin/c.ts']);
    expect(types && judgeStep(types, { exitCode: 0, output })).toEqual({
      ok: false,
      message: 'saw 2 files, expected 3 or more',
    });
    expect(types?.explain?.(output)).toBe('bin/c.ts: not compiled, expected in tsconfig.json\n');
  });

  test('an empty tree passes no step', () => {
    expect(gate([]).map((step) => judgeStep(step, { exitCode: 0, output: '' }).ok)).toEqual(steps.map(() => false));
  });

  test('the count of analysed files is printed in the form that the gate reads', () => {
    const written: string[] = [];
    reportKnipCount({ counters: { processed: 2 }, write: (line) => written.push(line) });
    expect(written).toEqual([outputs['dead code']?.trim()]);
  });
});
