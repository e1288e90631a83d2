import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openLake } from '../../adapters/files/lake.ts';
import { hostileItems, openWith } from './columnar-output.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-fence-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.each(['readable', 'oneThread', 'split'] as const)(
  'what another owner has taken over is committed by it alone: %s',
  async (engine) => {
    const dir = join(root, engine);
    const scoring = await openWith(engine, dir);
    try {
      await scoring.append(hostileItems({ seed: 3, payments: 100 }).slice(0, 60));
      await scoring.process({ lagRecordsMax: 0 });
      const path = join(dir, 'owner.json');
      const owner: unknown = JSON.parse(readFileSync(path, 'utf8'));
      writeFileSync(path, JSON.stringify({ ...Object(owner), epoch: 99 }));
      await expect(scoring.commit()).rejects.toMatchObject({ code: 'FENCED' });
      expect(openLake({ dir: join(dir, 'lake') }).listFiles('decisions')).toEqual([]);
      // Parts may lie there: without a checkpoint that names them they are nothing.
      expect(filesIn(join(dir, 'checkpoints')).filter((name) => name.startsWith('checkpoint-'))).toEqual([]);
    } finally {
      await scoring.close();
    }
  },
  30_000,
);

function filesIn(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
