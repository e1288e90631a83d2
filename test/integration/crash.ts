import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What runs, and with which engine; what is not given is what `weir run` takes by itself. */
export type EngineOptions = {
  readonly engine?: 'twin';
  readonly threads?: number;
  readonly definition?: string;
  readonly model?: string;
};

/** A run of `weir run` that is killed and resumed until it is complete. */
export type CrashPlan = {
  readonly source: string;
  readonly out: string;
  readonly engine?: EngineOptions;
  readonly kills: number;
  readonly seed: number;
  /** How long an uninterrupted run takes, in milliseconds: kills are spread over it. */
  readonly durationMs: number;
  readonly onKill?: (kill: number, afterMs: number) => void;
};

/** What happened: how often it was killed while running, and what the last run said. */
export type CrashReport = {
  readonly killed: number;
  readonly resumedFrom: readonly number[];
  readonly summary: unknown;
};

/**
 * Starts `weir run`, kills it with SIGKILL at a random moment of its remaining work, and starts it again, `kills` times;
 * then lets it end. Throws when a run fails by itself.
 */
export async function runWithKills(plan: CrashPlan): Promise<CrashReport> {
  const random = seededRandom(plan.seed);
  const resumedFrom: number[] = [];
  let killed = 0;
  while (killed < plan.kills) {
    const afterMs = 300 + (random() * 2 * plan.durationMs) / (plan.kills + 1);
    const outcome = await runWeir(plan, afterMs);
    if (outcome.signal !== 'SIGKILL') {
      if (outcome.code !== 0) throw new Error(`got exit ${String(outcome.code)}: ${outcome.stderr}`);
      break;
    }
    killed += 1;
    plan.onKill?.(killed, afterMs);
    resumedFrom.push(lastCheckpointOffset(plan.out));
  }
  const last = await runWeir(plan, null);
  if (last.code !== 0) throw new Error(`got exit ${String(last.code)}: ${last.stderr}`);
  const summary: unknown = JSON.parse(last.stdout);
  return { killed, resumedFrom, summary };
}

type Outcome = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Runs `weir run --json`, killed after a while unless `killAfterMs` is null. */
export function runWeir(
  { source, out, engine = {} }: Pick<CrashPlan, 'source' | 'out' | 'engine'>,
  killAfterMs: number | null,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const options = Object.entries(engine).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const args = ['bin/weir.ts', 'run', '--source', source, '--out', out, '--json', ...options];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(killAfterMs === null ? {} : { timeout: Math.ceil(killAfterMs), killSignal: 'SIGKILL' as const }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** The offset of the newest checkpoint file, 0 before the first. */
function lastCheckpointOffset(out: string): number {
  const dir = join(out, 'checkpoints');
  if (!existsSync(dir)) return 0;
  return Math.max(0, ...checkpointOffsets(dir));
}

function checkpointOffsets(dir: string): number[] {
  return readdirSync(dir).flatMap((name) => {
    const match = /^checkpoint-(\d{16})\.bin$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

/** mulberry32, https://github.com/bryc/code/blob/master/jshash/PRNGs.md: uniform in [0, 1). */
function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
