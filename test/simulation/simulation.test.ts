import { expect, test } from 'vitest';
import { openStream } from '../../simulate/random.ts';
import { simulate } from '../../simulate/simulation.ts';
import { planOf } from '../../simulate/simulation-plan.ts';
import { missingIn } from '../../simulate/simulation-seeds.ts';
import { createMachine, cutPower, startProcess } from '../../simulate/simulated-machine.ts';
import type { Fault } from '../../simulate/faults.ts';

function machineWith(faults: readonly Fault[]) {
  const machine = createMachine({ random: openStream({ seed: 1, name: 'test' }), clockMs: 0 });
  return { machine, process: startProcess(machine, { faults }) };
}

test('the same seed gives the same run', async () => {
  const [first, second] = [await simulate(planOf(4)), await simulate(planOf(4))];
  expect([...second.counts]).toEqual([...first.counts]);
  expect(first.counts.get('events.records')).toBeGreaterThan(0);
});

test('what was synced survives a loss of power, and a name that was not may be gone', () => {
  let namesLost = 0;
  for (let seed = 0; seed < 30; seed++) {
    const machine = createMachine({ random: openStream({ seed, name: 'test' }), clockMs: 0 });
    const { disk } = startProcess(machine, { faults: [] });
    disk.makeDirectories('/kept');
    const root = disk.open('/', 'r');
    disk.sync(root);
    const fd = disk.open('/kept/a', 'w');
    disk.write(fd, Buffer.from('whole'), 0, null);
    disk.sync(fd);
    disk.sync(disk.open('/kept', 'r'));
    disk.write(fd, Buffer.from(' and more'), 0, null);
    disk.open('/kept/b', 'w');
    cutPower(machine);
    const { disk: after } = startProcess(machine, { faults: [] });
    const bytes = new Uint8Array(5);
    after.read(after.open('/kept/a', 'r'), bytes, 0, 0);
    expect(Buffer.from(bytes).toString()).toBe('whole');
    if (after.list('/kept').length === 1) namesLost++;
  }
  expect(namesLost).toBeGreaterThan(0);
  expect(namesLost).toBeLessThan(30);
});

test('after a crash nothing that a process does takes effect', () => {
  const { machine, process } = machineWith([{ kind: 'killBefore', of: 'write', fromOperation: 1 }]);
  const fd = process.disk.open('/a', 'w');
  expect(() => process.disk.write(fd, Buffer.from('x'), 0, null)).toThrow('killBefore at write');
  expect(() => process.disk.remove('/a')).toThrow('the process has ended');
  expect(startProcess(machine, { faults: [] }).disk.list('/')).toEqual([{ name: 'a', isDirectory: false }]);
});

test('a reply that is lost has taken effect', () => {
  const { machine, process } = machineWith([{ kind: 'lostReply', of: 'rename', fromOperation: 1 }]);
  process.disk.close(process.disk.open('/a', 'w'));
  expect(() => process.disk.rename('/a', '/b')).toThrow(expect.objectContaining({ code: 'EIO', syscall: 'rename' }));
  expect(startProcess(machine, { faults: [] }).disk.list('/')).toEqual([{ name: 'b', isDirectory: false }]);
});

test('a full disk refuses what grows, and no longer than it is full', () => {
  const { process } = machineWith([{ kind: 'diskFull', of: 'any', fromOperation: 1 }]);
  const full = expect.objectContaining({ code: 'ENOSPC' });
  for (let time = 0; time < 4; time++) expect(() => process.disk.open('/a', 'w')).toThrow(full);
  expect(process.disk.open('/a', 'w')).toBeGreaterThan(0);
});

test('what never happened is named', () => {
  expect(missingIn(new Map())).toContain('fault.powerLossAfter');
});
