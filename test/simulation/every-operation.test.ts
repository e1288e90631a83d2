import { expect, test } from 'vitest';
import type { FaultKind } from '../../simulate/faults.ts';
import { simulate } from '../../simulate/simulation.ts';
import { calmLife, type LifePlan, planOf } from '../../simulate/simulation-plan.ts';

const kinds: readonly FaultKind[] = ['ioError', 'lostReply', 'diskFull', 'killBefore', 'powerLossAfter'];

/** Ends a process in the middle of its work, so that the next one has something to take up. */
const cutShort: LifePlan = { ...calmLife, faults: [{ kind: 'killBefore', of: 'any', fromOperation: 160 }] };

test.each([
  ['readable', 3],
  ['columnar', 7],
] as const)(
  'any one operation of the disk may fail, in a first process or in one that takes up another: %s engine, 1 in %i',
  async (engine, step) => {
    const whole = planOf(5);
    const plan = {
      ...whole,
      engine,
      items: whole.items.slice(0, 12),
      batchRecordsMax: 4,
      cutRecords: 5,
      chunkRecordsMax: 4,
    };
    const failing: string[] = [];
    let fired = 0;
    for (const [number, before] of [[], [cutShort]].entries()) {
      let missed = 0;
      for (let fromOperation = 1; missed < kinds.length; fromOperation += step) {
        const kind = kinds[(fromOperation + number) % kinds.length] ?? 'ioError';
        const life = { ...calmLife, faults: [{ kind, of: 'any' as const, fromOperation }] };
        const { problems, counts } = await simulate({ ...plan, lives: [...before, life] });
        missed = (counts.get(`fault.${kind}`) ?? 0) > (kind === 'killBefore' ? number : 0) ? 0 : missed + 1;
        if (missed === 0) fired++;
        for (const problem of problems) failing.push(`${kind} at operation ${fromOperation}: ${problem}`);
      }
    }
    expect(failing).toEqual([]);
    expect(fired).toBeGreaterThan(100);
  },
  180_000,
);
