import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { WeirError } from '../core/contract/failure.ts';
import type { Decision } from '../core/score/decision.ts';
import { claimManifest, readManifest } from '../runtime/manifest.ts';
import { runSource } from '../runtime/run-source.ts';
import type { Scoring } from '../runtime/scoring.ts';
import { audit } from './auditor.ts';
import { tally, type Tally } from './faults.ts';
import { openStream, type RandomStream, wholeBelow } from './random.ts';
import { ProcessEnded } from './simulated-disk.ts';
import { createMachine, cutPower, endProcess, type SimulatedMachine, startProcess } from './simulated-machine.ts';
import { changedManifestOf, manifestOf, openEngine, outputDir } from './simulation-engine.ts';
import { calmLife, type LifePlan, planOf, type SimulationPlan } from './simulation-plan.ts';

/** What came of a run: what is wrong with it, and how often what happened. */
export type SimulationResult = {
  readonly problems: readonly string[];
  readonly counts: Tally;
};

/** What outlives the processes of a run. */
export type Run = {
  readonly plan: SimulationPlan;
  readonly machine: SimulatedMachine;
  readonly problems: string[];
  /** What was told, by offset: it was durable then. */
  readonly told: Map<number, Decision>;
  /** The log and the checkpoint never go back behind these. */
  durableOffset: number;
  checkpointOffset: number;
};

/** Runs the shipped engine of a seed over a simulated machine and audits what is on its disk in the end. */
export async function simulateSeed(seed: number): Promise<SimulationResult> {
  return simulate(planOf(seed));
}

/** Runs a plan: its processes in turn, then calm ones until the input is done; then the power goes, and the audit begins. */
export async function simulate(plan: SimulationPlan): Promise<SimulationResult> {
  const random = openStream({ seed: plan.seed, name: 'machine' });
  const machine = createMachine({ random, clockMs: plan.items[0]?.record.ingestTimeMs ?? 0 });
  const run: Run = { plan, machine, problems: [], told: new Map(), durableOffset: 0, checkpointOffset: 0 };
  tally(machine.counts, `engine.${plan.engine}`);
  const unheard = listenForRejections(run);
  const lives = [...plan.lives, calmLife, calmLife];
  let last: Ended = { how: 'failed', scoring: null };
  for (const [number, life] of lives.entries()) {
    const chunks = openStream({ seed: plan.seed, name: 'chunks', indexes: [number] });
    last = await live(run, life, chunks);
    tally(machine.counts, `life.${last.how}`);
    if (run.problems.length > 0) break;
  }
  if (run.problems.length === 0 && last.how !== 'complete') run.problems.push(`the calm process ${last.how}`);
  if (run.problems.length === 0) {
    cutPower(machine);
    run.problems.push(...(await audit(run, last.scoring)));
  }
  await unheard.stop();
  return { problems: run.problems, counts: machine.counts };
}

/** A failure that nobody awaits would end a real process. */
function listenForRejections({ problems }: Run): { readonly stop: () => Promise<void> } {
  const hear = (error: unknown): void => {
    problems.push(
      `nobody heard of a failure: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  };
  process.on('unhandledRejection', hear);
  return {
    stop: async () => {
      await setImmediate();
      process.off('unhandledRejection', hear);
    },
  };
}

type Ended = {
  readonly how: 'complete' | 'stopped' | 'crashed' | 'failed' | 'fenced' | 'refused';
  /** What the last complete process says of itself. */
  readonly scoring: Scoring | null;
};

/** One process: opens the directory, reads the source on from where the log ends, commits, lets the directory go. */
async function live(run: Run, life: LifePlan, chunks: RandomStream): Promise<Ended> {
  const { machine } = run;
  const takeover = createTakeover(run, life);
  const process = startProcess(machine, { faults: life.faults, pause: takeover.atCommit });
  takeover.pid = process.pid;
  let scoring: Scoring | null = null;
  let ended: Ended;
  try {
    scoring = openEngine(run, process);
    noteOpened(run, scoring);
    // A directory without a manifest takes any definition.
    const isOther = life.hasOtherDefinition && readManifest(outputDir, process.disk) !== null;
    const manifest = isOther ? changedManifestOf(run.plan) : manifestOf(run.plan);
    claimManifest({ ...manifest, disk: process.disk });
    if (isOther) run.problems.push('another definition was not refused');
    const how = await work(run, { scoring, life, chunks, takeover });
    await scoring.close();
    ended = { how: takeover.isDone ? 'fenced' : how, scoring };
    if (takeover.isDone) run.problems.push('an owner that was taken over committed and was not fenced');
  } catch (error) {
    ended = { how: howEnded(run, { error, life, takeover, faultsHit: process.faultsHit() }), scoring: null };
    await takeover.over;
    await closeAfterFailure(scoring);
  }
  endProcess(machine, process.pid);
  return ended;
}

type Work = {
  readonly scoring: Scoring;
  readonly life: LifePlan;
  readonly chunks: RandomStream;
  readonly takeover: Takeover;
};

async function work(run: Run, { scoring, life, chunks, takeover }: Work): Promise<'complete' | 'stopped'> {
  const { plan } = run;
  const openedEndOffset = scoring.nextOffset + scoring.lagRecords;
  let nextOffset = scoring.nextOffset;
  const stop = new AbortController();
  let batches = 0;
  if (life.stopsAfter === 0) stop.abort();
  return runSource({
    scoring,
    items: itemsOf(run, { life, chunks }),
    atEnd: plan.atEnd,
    appendRecordsMax: plan.chunkRecordsMax,
    lagRecordsMax: wholeBelow(chunks, 3) === 0 ? plan.batchRecordsMax : 0,
    pace: takeover.atAppend,
    signal: stop.signal,
    onProgress: (progress) => {
      if (progress.nextOffset < nextOffset) run.problems.push(`the offset went back to ${progress.nextOffset}`);
      nextOffset = progress.nextOffset;
      if (++batches === life.stopsAfter) stop.abort();
      run.durableOffset = Math.max(run.durableOffset, nextOffset);
      if (nextOffset > openedEndOffset && scoring.lagRecords > plan.chunkRecordsMax + plan.batchRecordsMax) {
        run.problems.push(`got ${scoring.lagRecords} records that wait, expected fewer`);
      }
      for (const decision of progress.decisions) tell(run, decision);
    },
  });
}

/** What was told once stays so, whoever tells it again. */
function tell({ told, problems }: Run, decision: Decision): void {
  const before = told.get(decision.offset);
  if (before !== undefined && !isDeepStrictEqual(toldPart(before), toldPart(decision))) {
    problems.push(`decision @${decision.offset} was told twice and not the same`);
  }
  told.set(decision.offset, decision);
}

function toldPart({ decisionId, score, outcome, features }: Decision): unknown {
  return { decisionId, score, outcome, features };
}

/** The source from its beginning, in chunks; the clock is that of the chunk, with what is wrong with it. */
async function* itemsOf(
  { plan, machine }: Run,
  { life, chunks }: { readonly life: LifePlan; readonly chunks: RandomStream },
): AsyncGenerator<{ topic: string; bytes: Uint8Array }[]> {
  for (let from = 0; from < plan.items.length;) {
    const chunk = plan.items.slice(from, from + 1 + wholeBelow(chunks, plan.chunkRecordsMax));
    const clock = wholeBelow(chunks, 4) === 0 ? chunk[0] : chunk.at(-1);
    machine.clockMs = Math.max(0, (clock?.record.ingestTimeMs ?? 0) + life.clockSkewMs);
    yield chunk.map(({ record }) => ({ topic: record.topic, bytes: record.bytes }));
    from += chunk.length;
  }
}

/** Neither what was told nor a checkpoint goes back from one process to the next. */
function noteOpened(run: Run, { recovery }: Scoring): void {
  const { checkpointOffset, logEndOffset, damagedCheckpoints } = recovery;
  const { problems } = run;
  const { counts } = run.machine;
  if (checkpointOffset < run.checkpointOffset) {
    problems.push(`recovery begins at ${checkpointOffset}, expected ${run.checkpointOffset} or later`);
  }
  if (logEndOffset < run.durableOffset) {
    problems.push(`the log ends at ${logEndOffset}, expected ${run.durableOffset}, which was told`);
  }
  run.checkpointOffset = Math.max(run.checkpointOffset, checkpointOffset);
  if (recovery.recordedDecisions > 0) tally(counts, 'recovery.adopted', recovery.recordedDecisions);
  if (recovery.repairedBytes > 0) tally(counts, 'recovery.repairedLog');
  if (logEndOffset > checkpointOffset) tally(counts, 'recovery.replayed', logEndOffset - checkpointOffset);
  if (damagedCheckpoints.length > 0) problems.push(`got a damaged checkpoint ${damagedCheckpoints[0]?.why}`);
}

type Failure = {
  readonly error: unknown;
  readonly life: LifePlan;
  readonly takeover: Takeover;
  readonly faultsHit: number;
};

/** Whether a process ended as its faults say; anything else is a problem. */
function howEnded({ problems }: Run, { error, life, takeover, faultsHit }: Failure): Ended['how'] {
  if (error instanceof ProcessEnded) return 'crashed';
  if (error instanceof WeirError) {
    // The next owner clears away what a commit of this one was writing.
    if (takeover.isDone && (error.code === 'FENCED' || error.code === 'FILE_NOT_FOUND')) return 'fenced';
    if (error.code === 'RUN_CHANGED' && life.hasOtherDefinition) return 'refused';
    if (faultsHit > 0 && (error.code === 'DISK_FULL' || error.code === 'DISK_FAILED')) return 'failed';
  }
  problems.push(`a process ended with ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 'failed';
}

/** A failed process lets the directory go if it still can, as the command line does. */
async function closeAfterFailure(scoring: Scoring | null): Promise<void> {
  try {
    await scoring?.close();
  } catch (error) {
    if (!(error instanceof ProcessEnded) && !(error instanceof WeirError) && !isSystemError(error)) throw error;
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

/** The moment when another process takes over from this one, which lives on. */
type Takeover = {
  pid: number;
  isDone: boolean;
  /** Resolves when the other process has done its work: this one stands still until then. */
  over: Promise<void>;
  readonly atAppend: () => Promise<void>;
  readonly atCommit: () => Promise<void>;
};

function createTakeover(run: Run, { takenOver }: LifePlan): Takeover {
  let left = takenOver?.after ?? 0;
  const at = async (when: 'append' | 'commit'): Promise<void> => {
    if (takeover.isDone || takenOver?.when !== when || left-- > 0) return takeover.over;
    takeover.isDone = true;
    takeover.over = take(when);
    return takeover.over;
  };
  const take = async (when: 'append' | 'commit'): Promise<void> => {
    // What this process began at the same moment stands still with it.
    await Promise.resolve();
    run.machine.live.delete(takeover.pid);
    tally(run.machine.counts, `takeover.${when}`);
    const chunks = openStream({ seed: run.plan.seed, name: 'taker', indexes: [takeover.pid] });
    const ended = await live(run, calmLife, chunks);
    if (ended.how !== 'complete') run.problems.push(`the process that took over ${ended.how}`);
  };
  const takeover: Takeover = {
    pid: 0,
    isDone: false,
    over: Promise.resolve(),
    atAppend: () => at('append'),
    atCommit: () => at('commit'),
  };
  return takeover;
}
