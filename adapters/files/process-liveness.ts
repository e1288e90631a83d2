import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** Enough to tell a process from a later one with the same pid. */
export type ProcessMark = { readonly pid: number; readonly host: string; readonly startTimeMs: number | null };

/** Which processes there are. */
export type Processes = {
  /** The mark of this process. */
  readonly self: () => ProcessMark;
  readonly isLive: (mark: ProcessMark) => boolean;
};

/** The processes of this machine. */
export const realProcesses: Processes = {
  self: () => ({ pid: process.pid, host: hostname(), startTimeMs: processStartTimeMs(process.pid) }),
  isLive,
};

// The kernel's boot time moves by a second or two when the clock is set; a pid comes round again much later than that.
const startToleranceMs = 5000;
// Fixed at 100 on every Linux that Node runs on: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html (starttime).
const msPerTick = 10;

/** Whether the marked process still runs. One on another host cannot be asked and counts as live; pid 0 is nobody. */
function isLive({ pid, host, startTimeMs }: ProcessMark): boolean {
  if (pid === 0) return false;
  if (host !== hostname()) return true;
  if (!exists(pid) || stateOf(pid) === 'Z') return false;
  const actualMs = processStartTimeMs(pid);
  return startTimeMs === null || actualMs === null || Math.abs(startTimeMs - actualMs) <= startToleranceMs;
}

/** When a process started, milliseconds UTC; null where /proc does not say. */
export function processStartTimeMs(pid: number): number | null {
  const ticks = Number(statFields(pid)[19]);
  const bootSeconds = Number(/^btime (\d+)$/m.exec(readIfAny('/proc/stat'))?.[1]);
  return Number.isFinite(ticks) && Number.isFinite(bootSeconds) ? bootSeconds * 1000 + ticks * msPerTick : null;
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Anything but "no such process" (as EPERM) means that there is one.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

function stateOf(pid: number): string | undefined {
  return statFields(pid)[0];
}

/** The fields of /proc/<pid>/stat after the command, which may itself contain spaces and brackets. */
function statFields(pid: number): string[] {
  const text = readIfAny(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
