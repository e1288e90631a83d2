import { join } from 'node:path';
import { z } from 'zod';
import { realDisk } from '../adapters/files/disk.ts';
import { readTextIfAny, writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import { type PlacedRecord, readPositions } from '../adapters/files/log-positions.ts';
import { WeirError } from '../core/contract/failure.ts';

/** Which record of which topic each record of a log was: what is not published yet, and where each topic goes on. */
export type SourcePositions = {
  /** The offset after a topic's last record in the log; null before the first one. */
  readonly nextOf: (topic: string) => number | null;
  /** Notes records as the log takes them. */
  readonly add: (records: readonly PlacedRecord[]) => void;
  /** Gives and forgets the records of the log before an offset. */
  readonly takeUntil: (logOffset: number) => {
    readonly firstLogOffset: number;
    readonly records: readonly PlacedRecord[];
  };
  /** Writes down where the topics go on, so that opening reads no more of the log than what came after. */
  readonly save: () => void;
};

const savedSchema = z.strictObject({ logOffset: z.int().min(0), next: z.record(z.string(), z.int().min(0)) });

/** Opens the positions of an output directory whose log ends at an offset; what recovery takes again comes first. */
export function openSourcePositions({
  dir,
  checkpointOffset,
  logEndOffset,
}: {
  readonly dir: string;
  readonly checkpointOffset: number;
  readonly logEndOffset: number;
}): SourcePositions {
  const path = join(dir, 'sources.json');
  const saved = readSaved(path, logEndOffset);
  const next = new Map(Object.entries(saved.next));
  const fromOffset = Math.min(saved.logOffset, checkpointOffset);
  const read = readPositions({ dir: join(dir, 'log'), fromOffset });
  for (const { topic, sourcePosition } of read.slice(saved.logOffset - fromOffset)) next.set(topic, sourcePosition + 1);
  let firstLogOffset = checkpointOffset;
  let pending = read.slice(checkpointOffset - fromOffset);
  return {
    nextOf: (topic) => next.get(topic) ?? null,
    add: (records) => {
      for (const { topic, sourcePosition } of records) next.set(topic, sourcePosition + 1);
      pending.push(...records);
    },
    takeUntil: (logOffset) => {
      const taken = { firstLogOffset, records: pending.slice(0, logOffset - firstLogOffset) };
      pending = pending.slice(taken.records.length);
      firstLogOffset = logOffset;
      return taken;
    },
    save: () => {
      const content = { logOffset: firstLogOffset + pending.length, next: Object.fromEntries(next) };
      writeDurably(realDisk, path, (fd) => writeFully(realDisk, fd, Buffer.from(`${JSON.stringify(content)}\n`)));
    },
  };
}

function readSaved(path: string, logEndOffset: number): z.infer<typeof savedSchema> {
  const text = readTextIfAny(realDisk, path);
  if (text === null) return { logOffset: 0, next: {} };
  const json: unknown = JSON.parse(text);
  const saved = savedSchema.safeParse(json);
  if (saved.success && saved.data.logOffset <= logEndOffset) return saved.data;
  throw new WeirError({
    code: 'SOURCES_CORRUPT',
    message: `${path}: got ${text.trim()}, expected the offsets of topics at an offset of the log up to ${logEndOffset}`,
    fix: `Delete ${path}: it is made again from the log.`,
    facts: { path, logEndOffset },
  });
}
