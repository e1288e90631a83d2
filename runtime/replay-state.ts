import { join } from 'node:path';
import { z } from 'zod';
import { realDisk } from '../adapters/files/disk.ts';
import { existsOn, makeDirectory, readTextIfAny, writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import { acquireOwner, type Owner } from '../adapters/files/owner-lock.ts';
import { WeirError } from '../core/contract/failure.ts';

const identitySchema = z.object({
  definition: z.object({ name: z.string(), version: z.number(), hash: z.string() }),
  rules: z.object({ id: z.string(), version: z.number(), hash: z.string() }),
  model: z.object({ id: z.string(), version: z.string(), hash: z.string() }),
});

const stateSchema = z.enum(['running', 'waiting', 'approved', 'promoted', 'aborted', 'failed']);

const recordSchema = z.object({
  replayId: z.string(),
  state: stateSchema,
  /** What is tried, as absolute paths: an approval loads it again and holds it against `replayed`. */
  files: z.object({ definition: z.string(), rules: z.string(), model: z.string() }),
  keyEventsMax: z.number().optional(),
  fromMs: z.number(),
  toMs: z.number(),
  /** How much of the log was replayed and compared. */
  untilOffset: z.number(),
  live: identitySchema,
  replayed: identitySchema,
  /** Each state that it came to: when, by whom, and why where that is not plain. */
  history: z.array(
    z.object({ state: stateSchema, atMs: z.number(), by: z.string().nullable(), why: z.string().nullable() }),
  ),
  /** Of a topic: what was read, and up to where in each partition. */
  topic: z.object({ source: z.string(), ends: z.array(z.number()) }).optional(),
  /** Where it took effect, by partition too, and as which generation of the lake. */
  promotion: z.object({ offset: z.number(), generation: z.number(), offsets: z.array(z.number()) }).nullable(),
});

/** What is known of a replay, in `replay.json` of its directory. Times are milliseconds UTC. */
export type ReplayRecord = z.infer<typeof recordSchema>;

export type ReplayState = ReplayRecord['state'];

/** The directory of a replay's own run. */
export function shadowOf(out: string, replayId: string): string {
  return join(out, 'replays', replayId);
}

/**
 * Takes the one lock of all replays of a log: it is of this process, and that of one that died is taken over. Throws
 * `REPLAY_ACTIVE` where another one runs, is approved or aborted just now.
 */
export function lockReplays(out: string): Owner {
  try {
    return acquireOwner(join(out, 'replays'));
  } catch (error) {
    if (!(error instanceof WeirError) || error.code !== 'OWNER_ACTIVE') throw error;
    throw new WeirError({
      code: 'REPLAY_ACTIVE',
      message: `another replay of ${out} is at work (${String(error.facts['pid'])}), expected one at a time`,
      fix: `See what it is with weir replay status --out ${out}, and wait for it or stop it.`,
      facts: { out, pid: error.facts['pid'] ?? null },
      cause: error,
    });
  }
}

/** All replays of a log, the newest last. */
export function listReplays(out: string): ReplayRecord[] {
  const dir = join(out, 'replays');
  if (!existsOn(realDisk, dir)) return [];
  return realDisk
    .list(dir)
    .flatMap(({ name, isDirectory }) => (isDirectory ? (readReplay(out, name) ?? []) : []))
    .toSorted((left, right) => startOf(left) - startOf(right));
}

function startOf({ history }: ReplayRecord): number {
  return history[0]?.atMs ?? 0;
}

/** A replay by its id; null where there is none. */
export function readReplay(out: string, replayId: string): ReplayRecord | null {
  const text = readTextIfAny(realDisk, join(shadowOf(out, replayId), 'replay.json'));
  return text === null ? null : recordSchema.parse(JSON.parse(text));
}

/** A replay by its id or the beginning of one. Throws `REPLAY_UNKNOWN` with those that there are. */
export function requireReplay(out: string, asked: string): ReplayRecord {
  const known = listReplays(out);
  const found = known.filter(({ replayId }) => replayId.startsWith(asked));
  const [record] = found;
  if (record !== undefined && found.length === 1) return record;
  const ids = known.map(({ replayId }) => replayId).join(', ');
  throw new WeirError({
    code: 'REPLAY_UNKNOWN',
    message: `got ${asked}, expected one of the replays of ${out}: ${ids === '' ? 'there are none' : ids}`,
    fix: `weir replay status --out ${out} lists them; weir replay --out ${out} makes one.`,
    facts: { out },
  });
}

/** Brings a replay to a state, durably, and gives what is known of it then. The same state again changes nothing. */
export function moveReplay(
  out: string,
  record: ReplayRecord,
  to: { readonly state: ReplayState; readonly atMs: number; readonly by?: string; readonly why?: string },
): ReplayRecord {
  const { state, atMs, by = null, why = null } = to;
  const last = record.history.at(-1)?.state;
  const history = last === state ? record.history : [...record.history, { state, atMs, by, why }];
  const moved = { ...record, state, history };
  writeReplay(out, moved);
  return moved;
}

/** Writes down what is known of a replay, whole or not at all. */
function writeReplay(out: string, record: ReplayRecord): void {
  const dir = shadowOf(out, record.replayId);
  makeDirectory(realDisk, dir);
  const text = `${JSON.stringify(record, null, 2)}\n`;
  writeDurably(realDisk, join(dir, 'replay.json'), (fd) => writeFully(realDisk, fd, Buffer.from(text)));
}
