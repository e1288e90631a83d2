import { join } from 'node:path';
import { openLake } from '../adapters/files/lake.ts';
import { authorizationContract } from '../core/contract/authorization.ts';
import { WeirError } from '../core/contract/failure.ts';
import { fixedDecisionColumns } from '../core/sinks/decision-table.ts';
import { z } from 'zod';
import type { Assembled, WeirIdentity } from './assemble.ts';
import { compareDecisions, type DecisionComparison } from './compare-decisions.ts';
import { claimManifest, readManifest } from './manifest.ts';
import { readGenerations } from './generations.ts';
import { assertNoPromotion } from './promotion-mark.ts';
import { readLog } from './replay-log.ts';
import { type Amounts, type ReplayReport, reportOf } from './replay-report.ts';
import { runSource } from './run-source.ts';
import type { Scoring } from './scoring.ts';

/** What is replayed: the whole log, as state is a function of all of it, compared over a range of event time. */
export type Replay = {
  /** The directory of the run. */
  readonly out: string;
  /** Where the replay keeps its own run. */
  readonly shadow: string;
  readonly replayId: string;
  readonly assembled: Assembled;
  readonly live: LiveRun;
  readonly fromMs: number;
  readonly toMs: number;
};

/** How the replay's own run is opened, told of, held back and stopped. */
export type ReplaySteps = {
  readonly open: (dir: string) => Promise<Scoring>;
  readonly onProgress?: (nextOffset: number) => void;
  readonly pace?: (records: number) => Promise<void>;
  readonly signal: AbortSignal;
};

/** What a run decided by, and how much of its log its lake holds. */
export type LiveRun = {
  readonly identity: WeirIdentity;
  readonly features: readonly string[];
  readonly untilOffset: number;
};

const differingMax = 200_000;

const manifestSchema = z.object({
  definition: z.object({ name: z.string(), version: z.number(), hash: z.string() }),
  rules: z.object({ id: z.string(), version: z.number(), hash: z.string() }),
  model: z.object({ id: z.string(), version: z.string(), hash: z.string() }),
  plan: z.object({ features: z.array(z.object({ name: z.string() })) }),
});

/** Looks at a run. Throws `RUN_UNKNOWN` where the directory is none, or has no decision in its lake yet. */
export function lookAtRun(out: string): LiveRun {
  const manifest = manifestSchema.safeParse(readManifest(out));
  const ends = openLake({ dir: join(out, 'lake') })
    .listFiles('decisions')
    .map(({ endOffset }) => endOffset);
  if (manifest.success && ends.length > 0) {
    const { definition, rules, model, plan } = manifest.data;
    const features = plan.features.map(({ name }) => name);
    return { identity: { definition, rules, model }, features, untilOffset: Math.max(...ends) };
  }
  throw new WeirError({
    code: 'RUN_UNKNOWN',
    message: `got ${out}, expected the directory of a run whose lake holds decisions`,
    fix: 'Give the --out of a run: weir run, weir demo and weir serve write one.',
    facts: { out },
  });
}

/**
 * Takes the log of a run through another definition, rules or model, into a directory of its own: nothing of the run is
 * touched, and its owner may go on. Then compares the decisions of a range. One that was stopped goes on where it was.
 */
export async function replayRun(replay: Replay, steps: ReplaySteps): Promise<ReplayReport | 'stopped'> {
  assertNoPromotion(replay.out);
  const status = await runShadow(replay, steps, replay.live.untilOffset);
  return status === 'stopped' ? status : compareReplay(replay);
}

/** Takes the log of a run up to an offset through what is tried, on from where the replay is. */
export async function runShadow(
  { out, shadow, assembled }: Pick<Replay, 'out' | 'shadow' | 'assembled'>,
  steps: ReplaySteps,
  untilOffset: number,
): Promise<'complete' | 'stopped'> {
  const scoring = await steps.open(shadow);
  try {
    const source = { path: 'replay', sizeBytes: null, format: 'log', mapping: null };
    const manifest = { ...assembled.identity, engine: 'columnar' as const, source };
    claimManifest({ dir: shadow, manifest, plan: assembled.weir.features.plan });
    return await runSource({
      scoring,
      items: readLog(out, untilOffset),
      // The log holds the end of its input itself, where it has ended.
      atEnd: 'stayOpen',
      lagRecordsMax: 65_536,
      signal: steps.signal,
      onProgress: ({ nextOffset }) => steps.onProgress?.(nextOffset),
      ...(steps.pace === undefined ? {} : { pace: steps.pace }),
    });
  } finally {
    await scoring.close();
  }
}

/** Compares what a run decided with what its replay did, in what both have. */
export async function compareReplay(replay: Replay): Promise<ReplayReport> {
  const { out, shadow, assembled, live, replayId, fromMs, toMs } = replay;
  const names = assembled.weir.features.plan.features.map(({ name }) => name);
  const features = live.features.filter((name) => names.includes(name));
  const comparison = await compareDecisions({
    live: { dir: join(out, 'lake') },
    replayed: { dir: join(shadow, 'lake') },
    fromMs,
    toMs,
    untilOffset: live.untilOffset,
    features,
    decisionColumns: [...fixedDecisionColumns],
    differingMax,
  });
  return reportOf(comparison, {
    replayId,
    out,
    fromMs,
    toMs,
    records: live.untilOffset,
    generation: readGenerations(out).length,
    live: live.identity,
    replayed: assembled.identity,
    featuresAdded: names.filter((name) => !live.features.includes(name)),
    featuresRemoved: live.features.filter((name) => !names.includes(name)),
    features,
    amounts: await amountsOf(out, { untilOffset: live.untilOffset, comparison }),
  });
}

const amountSchema = z.object({ amountMinor: z.number(), currency: z.string() });

/** What the payments whose decisions differ were of: the decisions do not say. */
async function amountsOf(
  out: string,
  { untilOffset, comparison }: { readonly untilOffset: number; readonly comparison: DecisionComparison },
): Promise<Amounts> {
  const wanted = new Set(comparison.differing.map(({ offset }) => offset));
  const amounts = new Map<number, z.infer<typeof amountSchema>>();
  if (wanted.size === 0) return amounts;
  for await (const records of readLog(out, untilOffset)) {
    for (const { topic, offset, bytes } of records) {
      if (topic !== authorizationContract.topic || !wanted.has(offset)) continue;
      const amount = amountSchema.safeParse(JSON.parse(Buffer.from(bytes).toString()));
      if (amount.success) amounts.set(offset, amount.data);
    }
  }
  return amounts;
}
