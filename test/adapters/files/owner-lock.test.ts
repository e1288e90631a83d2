import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireOwner } from '../../../adapters/files/owner-lock.ts';
import { processStartTimeMs } from '../../../adapters/files/process-liveness.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-owner-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const ownModule = new URL('../../../adapters/files/owner-lock.ts', import.meta.url).href;

/** A process of its own that tries to become the owner, prints what came of it and then waits to be killed. */
function startTaker(): ChildProcess {
  const script = `
    const { acquireOwner } = await import(${JSON.stringify(ownModule)});
    try { console.log('epoch ' + acquireOwner(${JSON.stringify(dir)}).epoch); } catch (error) { console.log(error.code); }
    setInterval(() => {}, 1000);`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
}

function firstLine(taker: ChildProcess): Promise<string> {
  return new Promise((resolve) => taker.stdout?.once('data', (chunk) => resolve(String(chunk).trim())));
}

function killed(taker: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    taker.once('exit', () => resolve());
    taker.kill('SIGKILL');
  });
}

function writeOwnerFile(record: object): void {
  const { pid, host, startTimeMs } = {
    pid: process.pid,
    host: hostname(),
    startTimeMs: processStartTimeMs(process.pid),
  };
  writeFileSync(join(dir, 'owner.json'), JSON.stringify({ pid, host, startTimeMs, epoch: 7, ...record }));
}

test('a second owner is refused with the pid of the first, and let in once the first has gone', () => {
  const first = acquireOwner(dir);
  expect(() => acquireOwner(dir)).toThrow(
    expect.objectContaining({ code: 'OWNER_ACTIVE', facts: expect.objectContaining({ pid: process.pid }) }),
  );
  first.assertOwner();
  first.release();
  const second = acquireOwner(dir);
  expect([first.epoch, second.epoch]).toEqual([1, 2]);
  expect(() => first.assertOwner()).toThrow(expect.objectContaining({ code: 'FENCED' }));
  second.assertOwner();
});

test('a zombie that releases late does not take the directory from its successor', () => {
  const zombie = acquireOwner(dir);
  zombie.release();
  const successor = acquireOwner(dir);
  zombie.release();
  successor.assertOwner();
  expect(() => acquireOwner(dir)).toThrow(expect.objectContaining({ code: 'OWNER_ACTIVE' }));
});

test('a removed owner file fences its owner, and its epoch is not given again', () => {
  const owner = acquireOwner(dir);
  rmSync(join(dir, 'owner.json'));
  expect(() => owner.assertOwner()).toThrow(expect.objectContaining({ code: 'FENCED' }));
  rmSync(join(dir, 'owner-0000000000000001.claim'));
  writeFileSync(join(dir, 'owner-0000000000000001.claim'), '');
  expect(acquireOwner(dir).epoch).toBe(2);
});

test('a process with the pid of a dead owner but another start is not taken for it', () => {
  writeOwnerFile({ startTimeMs: 1_000_000 });
  expect(acquireOwner(dir).epoch).toBe(8);
});

test('an owner on another host counts as alive', () => {
  writeOwnerFile({ host: 'elsewhere.example' });
  expect(() => acquireOwner(dir)).toThrow(
    expect.objectContaining({ code: 'OWNER_ACTIVE', fix: expect.stringContaining('elsewhere') }),
  );
});

test('a damaged owner file is not taken for an absent one', () => {
  writeFileSync(join(dir, 'owner.json'), '{"pid":');
  expect(() => acquireOwner(dir)).toThrow(expect.objectContaining({ code: 'OWNER_UNREADABLE' }));
});

test('an owner that was killed is taken over with the next epoch', async () => {
  const taker = startTaker();
  expect(await firstLine(taker)).toBe('epoch 1');
  expect(() => acquireOwner(dir)).toThrow(
    expect.objectContaining({ code: 'OWNER_ACTIVE', message: expect.stringContaining(String(taker.pid)) }),
  );
  await killed(taker);
  expect(acquireOwner(dir).epoch).toBe(2);
});

test('of several takers at once exactly one wins', async () => {
  writeOwnerFile({ startTimeMs: 1_000_000 });
  const takers = Array.from({ length: 4 }, startTaker);
  const outcomes = await Promise.all(takers.map(firstLine));
  await Promise.all(takers.map(killed));
  expect(outcomes.sort()).toEqual(['OWNER_ACTIVE', 'OWNER_ACTIVE', 'OWNER_ACTIVE', 'epoch 8']);
  expect(JSON.parse(readFileSync(join(dir, 'owner.json'), 'utf8'))).toMatchObject({ epoch: 8 });
  expect(readdirSync(dir).sort()).toEqual(['owner-0000000000000008.claim', 'owner.json']);
});
