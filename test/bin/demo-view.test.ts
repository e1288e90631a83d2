import { stripVTControlCharacters } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { openDemoStream } from '../../bin/demo-stream.ts';
import { demoLines } from '../../bin/demo-view.ts';
import { addProgress, createTally } from '../../bin/tally.ts';
import { assemble, shippedFiles } from '../../runtime/assemble.ts';
import { Embedded } from '../../runtime/embedded.ts';
import { runSource } from '../../runtime/run-source.ts';
import { temporaryDirectory } from './weir-process.ts';

const { dir, remove } = temporaryDirectory();
afterAll(remove);

test('the live view has the same height before and after, fits 80 columns and shows what is so', async () => {
  const { weir } = await assemble(shippedFiles);
  const stream = openDemoStream({ seed: 5, authorizationsMax: 6000 });
  const scoring = new Embedded({ dir, weir, clockMs: () => Math.max(Date.now(), stream.streamTimeMs()) });
  const tally = createTally();
  const view = (): string[] => demoLines({ scoring, tally, title: 'weir demo' }).map(stripVTControlCharacters);
  const before = view();
  await runSource({
    scoring,
    items: stream.items,
    atEnd: 'stayOpen',
    onProgress: (progress) => addProgress(tally, progress),
  });
  const after = view();
  await scoring.close();
  expect(after).toHaveLength(before.length);
  expect([...before, ...after].filter((line) => line.length > 79)).toEqual([]);
  expect(before.join('\n')).toContain('watermark  none yet');
  const approved = scoring.counts.get('decisions.approve') ?? 0;
  expect(approved).toBeGreaterThan(5000);
  expect(after.join('\n')).toContain(approved.toLocaleString('en-US'));
  expect(after.filter((line) => line.startsWith('declined'))).toHaveLength(3);
});
