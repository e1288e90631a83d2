import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { inRepository, runWeir, startWeir, temporaryDirectory } from './weir-process.ts';

const { dir, remove } = temporaryDirectory();
afterAll(remove);

const small = inRepository('examples/small/payments.csv');

describe.concurrent('weir run', () => {
  test('scores a file, and says of the finished folder that it is complete', async () => {
    const args = ['run', '--source', small, '--out', 'whole', '--json'];
    const first = await runWeir(args, dir);
    expect(first.exitCode, first.error).toBe(0);
    const summary = JSON.parse(first.out);
    expect(summary).toMatchObject({
      status: 'complete',
      authorizations: 2000,
      decisions: 2000,
      decisionRows: 2000,
      ledgerAuthorizationEntries: 2000,
      inputEnded: true,
      ledger: { openHolds: 0 },
    });
    const again = await runWeir(args, dir);
    expect(again).toMatchObject({ exitCode: 0, error: 'whole is complete: nothing is left to do\n' });
    expect(JSON.parse(again.out)).toMatchObject({ status: 'alreadyComplete', decisions: 2000, ledger: summary.ledger });
    const changed = await runWeir(
      [
        ...args,
        '--definition',
        inRepository('examples/handbook/fraud-features.ts'),
        '--open-ended',
        '--source',
        inRepository('examples/small/shop.csv'),
        '--mapping',
        inRepository('examples/small/mapping.ts'),
      ],
      dir,
    );
    expect(changed).toMatchObject({ exitCode: 2, out: '' });
    expect(JSON.parse(changed.error)).toMatchObject({ code: 'RUN_CHANGED' });
  }, 60_000);

  test('prints tables for people, in lines of at most 80 characters', async () => {
    const shop = inRepository('examples/small/shop.csv');
    const mapping = inRepository('examples/small/mapping.ts');
    const { exitCode, out, error } = await runWeir(
      ['run', '--source', shop, '--mapping', mapping, '--out', 'shop'],
      dir,
    );
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: '' });
    expect(out).toMatch(/Decisions\n {2}all +200\n/);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGKILL', null],
  ] as const)(
    'after %s goes on to what one run would have made',
    async (signal, exitCode) => {
      const input = (await runWeir(['generate', '--events', '3000', '--seed', '4'], dir)).out;
      const args = (out: string) => ['run', '--source', '-', '--out', out, '--json'];
      const { child, ended } = startWeir(args(signal), dir);
      const half = input.indexOf('\n', input.length / 2) + 1;
      child.stdin.write(input.slice(0, half));
      const journal = join(dir, signal, 'journal', '0000000000000000', '0000000000000000.log');
      try {
        await vi.waitFor(() => expect(sizeOf(join(dir, signal, 'journal'), journal)).toBeGreaterThan(0), {
          timeout: 15_000,
        });
      } finally {
        child.kill(signal);
      }
      const stopped = await ended;
      expect(stopped.exitCode).toBe(exitCode);
      if (signal === 'SIGINT') expect(stopped.error).toContain('the same command goes on from here');
      const resumed = await runWeir(args(signal), dir, input);
      expect(resumed.exitCode, resumed.error).toBe(0);
      expect(resumed.error).toContain(`resuming ${signal}: checkpoint at offset`);
      if (signal === 'SIGKILL') expect(resumed.error).toMatch(/adopting [\d,]+ decisions/);
      const whole = JSON.parse((await runWeir(args(`${signal}-whole`), dir, input)).out);
      const { decisionsByOutcome, counts, ledger, decisionRows } = JSON.parse(resumed.out);
      expect(decisionRows).toBe(3000);
      expect({ decisionsByOutcome, counts, ledger, decisionRows }).toEqual({
        decisionsByOutcome: whole.decisionsByOutcome,
        counts: whole.counts,
        ledger: whole.ledger,
        decisionRows: whole.decisionRows,
      });
    },
    60_000,
  );
});

function sizeOf(folder: string, path: string): number {
  return existsSync(folder) && existsSync(path) ? statSync(path).size : 0;
}
