import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openLake } from '../../adapters/files/lake.ts';
import type { TableRow } from '../../core/sinks/table-schema.ts';
import { assemble, type Assembled, shippedFiles, type WeirFiles } from '../../runtime/assemble.ts';
import { Columnar } from '../../runtime/columnar.ts';
import { planRun } from '../../runtime/definition-change.ts';
import { Embedded } from '../../runtime/embedded.ts';
import { changeManifest, claimManifest, type Manifest, readManifest } from '../../runtime/manifest.ts';
import { rebuildColumnar } from '../../runtime/rebuild-columnar.ts';
import { rebuildTwin } from '../../runtime/rebuild-twin.ts';
import type { Scoring } from '../../runtime/scoring.ts';
import { hostileItems } from './columnar-output.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-rebuild-'));
afterAll(() => {
  rmSync(root, { recursive: true });
});

const items = hostileItems({ seed: 8, payments: 900 });
const half = 700;
const clockMs = (): number => Date.UTC(2027, 0, 1);
const limits = { batchRecordsMax: 48, cutRecords: 300 };

/** A definition of its own: the shipped one with more, or other, features. */
function definition(name: string, features: string): WeirFiles {
  const path = join(root, `${name}.ts`);
  const import_ = (from: string): string => JSON.stringify(new URL(`../../${from}`, import.meta.url).href);
  writeFileSync(
    path,
    `import { count, defineFeatures, sum } from ${import_('core/features/define.ts')};
     import { authorizationContract } from ${import_('core/contract/authorization.ts')};
     import { bookFeatures } from ${import_('examples/handbook/features.ts')};
     export default defineFeatures({ name: 'changing', version: 1, on: authorizationContract,
       features: (payment) => ({ ${features} ...bookFeatures(payment) }) });`,
  );
  const model = new URL('../../examples/handbook/book-model.json', import.meta.url).pathname;
  const rules = join(root, 'rules.json');
  writeFileSync(rules, JSON.stringify({ id: 'none', version: 1, rules: [], thresholds: thresholds() }));
  return { definition: path, model, rules };
}

/** Thresholds as the shipped rules have them. */
function thresholds(): unknown {
  const shipped: unknown = JSON.parse(readFileSync(shippedFiles.rules, 'utf8'));
  return Reflect.get(Object(shipped), 'thresholds');
}

const before = definition('before', '');
const added = definition('added', 'recent: count().by(payment.terminalId).over("2h"),');
const changed = definition('changed', 'spent: sum(payment.amountMinor).by(payment.accountId).over("3h"),');
const changedAgain = definition('again', 'spent: sum(payment.amountMinor).by(payment.accountId).over("5h"),');

type Engine = Manifest['engine'];

function open(engine: Engine, dir: string, assembled: Assembled): Scoring {
  if (engine === 'twin') return new Embedded({ dir, weir: assembled.weir, clockMs, ...limits });
  return new Columnar({ dir, assembled, clockMs, ...limits });
}

async function run(engine: Engine, dir: string, { assembled, until }: { assembled: Assembled; until: number }) {
  const scoring = open(engine, dir, assembled);
  await scoring.append(items.slice(scoring.lastSourcePosition ?? 0, until));
  await scoring.process({ lagRecordsMax: 0 });
  await scoring.commit();
  await scoring.close();
}

/** Decisions of the second half, whatever their hashes of definition. */
async function decisionsAfter(dir: string): Promise<Map<unknown, TableRow>> {
  const rows = new Map<unknown, TableRow>();
  for await (const batch of openLake({ dir: join(dir, 'lake') }).readRows('decisions')) {
    for (const row of batch) if (Number(row['offset']) >= half) rows.set(row['decision_id'], row);
  }
  return rows;
}

function claim(engine: Engine, dir: string, assembled: Assembled) {
  const source = { path: 'made', sizeBytes: null, format: 'jsonl', mapping: null };
  return { dir, manifest: { ...assembled.identity, engine, source }, plan: assembled.weir.features.plan };
}

describe.each(['columnar', 'twin'] as const)('the %s engine', (engine) => {
  test('decides after a rebuild as if the definition had been there from the start', async () => {
    const dir = join(root, `${engine}-rebuilt`);
    const straight = join(root, `${engine}-straight`);
    const [old, young] = [await assemble(before), await assemble(changed)];
    await run(engine, dir, { assembled: old, until: half });
    const again = { dir, assembled: young, weir: young.weir };
    const offset = await (engine === 'twin' ? rebuildTwin(again) : rebuildColumnar(again));
    expect(offset).toBe(half);
    await run(engine, dir, { assembled: young, until: items.length });
    await run(engine, straight, { assembled: young, until: items.length });
    const [got, expected] = [await decisionsAfter(dir), await decisionsAfter(straight)];
    expect(expected.size).toBeGreaterThan(500);
    expect(got).toEqual(expected);
    expect([...got.values()].filter((row) => Number(row['spent']) > 0).length).toBeGreaterThan(300);
  }, 60_000);

  test('refuses a rebuild under decisions that no checkpoint has', async () => {
    const dir = join(root, `${engine}-open`);
    const assembled = await assemble(before);
    const scoring = open(engine, dir, assembled);
    await scoring.append(items.slice(0, 100));
    await scoring.process({ lagRecordsMax: 0 });
    await scoring.close();
    const again = { dir, assembled, weir: assembled.weir };
    const rebuild = async (): Promise<number> => (engine === 'twin' ? rebuildTwin(again) : rebuildColumnar(again));
    await expect(rebuild()).rejects.toThrow('decisions since its last checkpoint, expected none before a rebuild');
  });
});

describe('a run over a directory', () => {
  test('goes on without a feature that was added, and has it after a rebuild', async () => {
    const dir = join(root, 'adding');
    const old = await assemble(before);
    await run('columnar', dir, { assembled: old, until: 300 });
    claimManifest(claim('columnar', dir, old));
    const planned = await planRun({ dir, files: added, whenChanged: 'refuse' });
    expect(planned).toMatchObject({ action: 'adopt', inactive: ['recent'] });
    expect(planned.changes).toEqual(['feature recent was added: count().by(terminalId).over(2h)']);
    const waiting = await assemble(planned.files);
    await run('columnar', dir, { assembled: waiting, until: half });
    changeManifest(claim('columnar', dir, waiting), { inactive: planned.inactive, fromOffset: 300 });
    expect(await planRun({ dir, files: added, whenChanged: 'refuse' })).toMatchObject({
      action: 'resume',
      inactive: ['recent'],
    });
    const whole = await assemble(added);
    const fromOffset = await rebuildColumnar({ dir, assembled: whole });
    changeManifest(claim('columnar', dir, whole), { inactive: [], fromOffset });
    expect(await planRun({ dir, files: added, whenChanged: 'refuse' })).toMatchObject({
      action: 'resume',
      inactive: [],
    });
    await run('columnar', dir, { assembled: whole, until: items.length });
    const straight = join(root, 'added-straight');
    await run('columnar', straight, { assembled: whole, until: items.length });
    expect(await decisionsAfter(dir)).toEqual(await decisionsAfter(straight));
    expect(readManifest(dir)).toMatchObject({
      changes: [{ fromOffset: 0 }, { fromOffset: 300 }, { fromOffset: half }],
    });
  }, 60_000);

  test('refuses a feature that was changed, and says what changed', async () => {
    const dir = join(root, 'refused');
    mkdirSync(dir);
    claimManifest(claim('columnar', dir, await assemble(changed)));
    await expect(planRun({ dir, files: changedAgain, whenChanged: 'refuse' })).rejects.toThrow(
      'feature spent was sum(amountMinor).by(accountId).over(3h), now sum(amountMinor).by(accountId).over(5h)',
    );
    await expect(planRun({ dir, files: before, whenChanged: 'refuse' })).rejects.toThrow('feature spent was removed');
    expect(await planRun({ dir, files: before, whenChanged: 'rebuild' })).toMatchObject({ action: 'rebuild' });
  });

  test.each(['columnar', 'twin'] as const)(
    'refuses a checkpoint that another definition wrote, %s engine',
    async (engine) => {
      const dir = join(root, `${engine}-mixed`);
      const own = await assemble(before);
      const other = await assemble(changed);
      await run(engine, dir, { assembled: own, until: 300 });
      expect(() => open(engine, dir, other)).toThrow('was written by another definition');
      await run(engine, dir, { assembled: own, until: 400 });
    },
  );
});
