import type { Disk } from '../adapters/files/disk.ts';
import type { ProcessMark, Processes } from '../adapters/files/process-liveness.ts';
import { type Fault, tally, type Tally } from './faults.ts';
import type { RandomStream } from './random.ts';
import { mountDisk } from './simulated-disk.ts';
import { createNames, losePower, type SimulatedNames } from './simulated-names.ts';

/** One disk, one clock, one set of dice, and the processes that share them. */
export type SimulatedMachine = {
  readonly names: SimulatedNames;
  readonly random: RandomStream;
  /** What happened so far. */
  readonly counts: Tally;
  clockMs: number;
  readonly running: Set<number>;
  /** Those that others take for running. */
  readonly live: Set<number>;
  nextPid: number;
};

/** A process of a simulated machine. */
export type SimulatedProcess = {
  readonly pid: number;
  readonly disk: Disk;
  readonly processes: Processes;
  /** Whether a fault hit it. */
  readonly faultsHit: () => number;
};

const host = 'simulated';

export function createMachine({ random, clockMs }: { random: RandomStream; clockMs: number }): SimulatedMachine {
  return { names: createNames(), random, counts: new Map(), clockMs, running: new Set(), live: new Set(), nextPid: 1 };
}

/** Starts a process, with the faults that its disk will have; `pause` holds its asynchronous calls up. */
export function startProcess(
  machine: SimulatedMachine,
  { faults, pause = async () => undefined }: { faults: readonly Fault[]; pause?: () => Promise<void> },
): SimulatedProcess {
  const pid = machine.nextPid++;
  machine.running.add(pid);
  machine.live.add(pid);
  const startTimeMs = machine.clockMs;
  let faultsHit = 0;
  const disk = mountDisk(
    {
      names: machine.names,
      isEnded: () => !machine.running.has(pid),
      onFault: (fault, call) => {
        faultsHit++;
        tally(machine.counts, `fault.${fault.kind}`);
        tally(machine.counts, `faultAt.${call}`);
        if (fault.kind === 'killBefore' || fault.kind === 'killAfter') endProcess(machine, pid);
        if (fault.kind === 'powerLossBefore' || fault.kind === 'powerLossAfter') cutPower(machine);
      },
      passMs: (durationMs) => {
        machine.clockMs += durationMs;
      },
      pause,
    },
    faults,
  );
  const self: ProcessMark = { pid, host, startTimeMs };
  const processes: Processes = { self: () => self, isLive: (mark) => machine.live.has(mark.pid) };
  return { pid, disk, processes, faultsHit: () => faultsHit };
}

/** Ends a process: what it wrote stays seen, durable or not. */
export function endProcess({ running, live }: SimulatedMachine, pid: number): void {
  running.delete(pid);
  live.delete(pid);
}

/** Ends every process and loses what was not durable, by the dice. */
export function cutPower({ names, random, running, live, counts }: SimulatedMachine): void {
  running.clear();
  live.clear();
  const { namesLost, files } = losePower(names, random);
  if (namesLost > 0) tally(counts, 'powerLoss.names', namesLost);
  for (const loss of files) if (loss !== 'nothing') tally(counts, `powerLoss.${loss}`);
}
