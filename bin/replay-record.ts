import { hash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { WeirError } from '../core/contract/failure.ts';
import type { WeirFiles, WeirIdentity } from '../runtime/assemble.ts';
import type { ReplayReport } from '../runtime/replay-report.ts';
import { lockReplays, moveReplay, readReplay, type ReplayRecord } from '../runtime/replay-state.ts';
import { formatCount, formatDuration } from './format.ts';
import { replayPage } from './replay-page.ts';
import type { WeirFileOptions } from './weir-files.ts';

/** What is written down of a replay before it begins. */
export type ReplayBegun = Pick<ReplayRecord, 'replayId' | 'fromMs' | 'toMs' | 'untilOffset' | 'live' | 'replayed'> & {
  readonly out: string;
  readonly files: WeirFiles;
  readonly topic?: ReplayRecord['topic'];
};

/** The id of a replay: of what is tried, on what, and how far it goes. The same one goes on where it was stopped. */
export function replayIdOf(tried: {
  readonly identity: WeirIdentity;
  readonly untilOffset: number;
  readonly topic?: ReplayRecord['topic'];
}): string {
  return hash('sha256', JSON.stringify(tried), 'hex').slice(0, 12);
}

/** Runs a replay under the one lock of its log, and writes down what becomes of it. */
export async function underRecord<Result>(
  begun: ReplayBegun,
  run: (waiting: () => void) => Promise<Result>,
): Promise<Result> {
  const { out } = begun;
  const lock = lockReplays(out);
  try {
    const record = beginRecord(begun);
    try {
      return await run(() => void moveReplay(out, record, { state: 'waiting', atMs: Date.now() }));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      moveReplay(out, record, { state: 'failed', atMs: Date.now(), why });
      throw error;
    }
  } finally {
    lock.release();
  }
}

/** Writes down that a replay runs. Throws `REPLAY_CLOSED` where it has been approved: its report stays what was read. */
function beginRecord({ out, files, topic, ...facts }: ReplayBegun): ReplayRecord {
  const { replayId } = facts;
  const known = readReplay(out, replayId);
  if (known !== null && (known.state === 'approved' || known.state === 'promoted')) {
    throw new WeirError({
      code: 'REPLAY_CLOSED',
      message: `the replay ${replayId} is ${known.state}, and its report is what was approved`,
      fix: `weir replay report ${replayId} --out ${out} shows it.`,
      facts: { replayId, state: known.state },
    });
  }
  const { definition, rules, model, keyEventsMax } = files;
  const record: ReplayRecord = {
    ...facts,
    state: 'running',
    files: { definition: resolve(definition), rules: resolve(rules), model: resolve(model) },
    ...(keyEventsMax === undefined ? {} : { keyEventsMax }),
    ...(topic === undefined ? {} : { topic }),
    history: known?.history ?? [],
    promotion: null,
  };
  return moveReplay(out, record, { state: 'running', atMs: Date.now() });
}

/** What is left out stays as it was: a run with files of one's own must name them, or all of it would differ. */
export function assertMeant(
  { definition, rules, model }: WeirFileOptions,
  { live, tried }: { readonly live: WeirIdentity; readonly tried: WeirIdentity },
): void {
  const given = { definition, rules, model };
  for (const name of ['definition', 'rules', 'model'] as const) {
    const before = live[name];
    if (given[name] !== undefined || before.hash === tried[name].hash) continue;
    const title = 'name' in before ? before.name : before.id;
    throw new WeirError({
      code: 'REPLAY_INCOMPLETE',
      message: `the run was decided by the ${name} ${title} version ${before.version}, which is not the one that comes with Weir: got no --${name}, expected the file`,
      fix: `Give --${name}: the file that the run was given, or the one to try.`,
      facts: { name, hash: before.hash },
    });
  }
}

/** Writes a report as JSON and as a page; gives their paths. */
export function writeReport(shadow: string, report: ReplayReport) {
  const pages = { json: join(shadow, 'report.json'), html: join(shadow, 'report.html') };
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (!existsSync(pages.json) || readFileSync(pages.json, 'utf8') !== text) writeFileSync(pages.json, text);
  writeFileSync(pages.html, replayPage(report));
  return { reportJson: pages.json, reportHtml: pages.html };
}

/** A line that says how far a replay is, and how long it takes. */
export function createProgress(untilOffset: number) {
  const startMs = performance.now();
  let first: number | null = null;
  let nextOffset = 0;
  return {
    note: (offset: number): void => {
      first ??= offset;
      nextOffset = offset;
    },
    line: (): string => {
      const elapsedMs = performance.now() - startMs;
      const done = nextOffset - (first ?? 0);
      const left = done > 0 ? formatDuration((elapsedMs * (untilOffset - nextOffset)) / done) : 'an unknown time';
      const pace = formatCount((done / Math.max(1, elapsedMs)) * 1000);
      return `replaying   ${formatCount(nextOffset)} of ${formatCount(untilOffset)} records   ${pace} a second   about ${left} left`;
    },
  };
}
