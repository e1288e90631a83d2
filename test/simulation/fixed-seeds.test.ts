import { expect, test } from 'vitest';
import { simulate } from '../../simulate/simulation.ts';
import { planOf } from '../../simulate/simulation-plan.ts';

/** Seeds that find a bug that was there, and what was wrong; each fails again when its mending is taken away. */
const fixedSeeds: readonly (readonly [seed: number, what: string])[] = [
  [17, 'a directory whose name a process made and did not come to sync was not synced by the next one'],
  [40, 'an owner that was taken over appended to the log of its successor'],
  [93, 'a process opened a log after a kill and did not sync the end that it found'],
  [119, 'a run that was stopped before it had adopted all decisions of a crash made the others again'],
  [201, 'an owner that was taken over ended a cut while it closed, and removed the checkpoint of its successor'],
  [913, 'a file that could not be removed after a failure hid that failure behind an error without a code'],
  [1489, 'a part of a checkpoint that could not be written was gone on with, without what was lost'],
  [1760, 'a log that could not be opened ended the process with an error without a code'],
  [3149, 'a checkpoint whose name was not durable yet was relied on by the next process'],
];

test.each(fixedSeeds)('seed %i holds with both engines: %s', async (seed) => {
  for (const engine of ['readable', 'columnar'] as const) {
    const { problems, counts } = await simulate({ ...planOf(seed), engine });
    expect(problems).toEqual([]);
    expect(counts.get('events.records')).toBeGreaterThan(0);
  }
});
