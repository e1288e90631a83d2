import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { realDisk } from '../adapters/files/disk.ts';
import { readTextIfAny, writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import { withPath, wrapFsError } from '../adapters/files/failure.ts';
import { openLake } from '../adapters/files/lake.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { TableRow } from '../core/sinks/table-schema.ts';

/** A dead letter as the lake has it. */
export type DeadLetterRow = z.infer<typeof deadLetterRow>;

/** An event that stands in for the bytes of a dead letter. */
export type FixedEvent = z.infer<typeof fixedEvent>;

const deadLetterRow = z.object({
  topic: z.string(),
  offset: z.number(),
  code: z.string(),
  message: z.string(),
  issues: z.unknown(),
  bytes: z.instanceof(Uint8Array),
});

const fixedEvent = z.object({
  offset: z.int().min(0),
  topic: z.string().optional(),
  event: z.record(z.string(), z.unknown()),
});

const redrivenFile = z.object({ version: z.literal(1), offsets: z.array(z.int().min(0)) });

/** The dead letters of a run that were not put back yet, by offset; of some codes only when any are named. */
export async function openDeadLetters(out: string, codes: readonly string[]): Promise<DeadLetterRow[]> {
  const redriven = readRedriven(out);
  const letters: DeadLetterRow[] = [];
  for await (const batch of openLake({ dir: join(out, 'lake') }).readRows('dead_letters')) {
    for (const row of batch) {
      const letter = deadLetterRow.parse(row);
      const isAsked = codes.length === 0 || codes.includes(letter.code);
      if (isAsked && !redriven.has(letter.offset)) letters.push(letter);
    }
  }
  return letters.sort((left, right) => left.offset - right.offset);
}

/** Remembers for good that these offsets were put back. */
export function addRedriven(out: string, offsets: readonly number[]): void {
  const all = [...readRedriven(out).union(new Set(offsets))].sort((left, right) => left - right);
  const text = `${JSON.stringify({ version: 1, offsets: all })}\n`;
  writeDurably(realDisk, join(out, 'redriven.json'), (fd) => writeFully(realDisk, fd, Buffer.from(text)));
}

/** How many letters there are of each code. */
export function countByCode(letters: readonly DeadLetterRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of letters) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** Reads corrected events by the offset of the letter that each stands in for. Throws `BAD_FIXED_FILE` with the line. */
export function readFixed(path: string): ReadonlyMap<number, FixedEvent> {
  const fixed = new Map<number, FixedEvent>();
  const lines = withPath(path, () => readFileSync(path, 'utf8')).split('\n');
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const parsed = fixedEvent.safeParse(parseLine(line));
    if (!parsed.success) {
      throw new WeirError({
        code: 'BAD_FIXED_FILE',
        message: `${path}: line ${index + 1} is something else, expected {"offset": 12, "event": {...}}`,
        fix: 'Write the letters with --export, correct each event, and keep its offset.',
        facts: { path, line: index + 1 },
      });
    }
    fixed.set(parsed.data.offset, parsed.data);
  }
  return fixed;
}

/** Writes dead letters as JSON lines to be corrected; bytes that are JSON as `event`, others as `text` or base64. */
export async function exportLetters(path: string, letters: readonly DeadLetterRow[]): Promise<number> {
  const lines = letters.map(({ offset, topic, code, message, issues, bytes }) => ({
    offset,
    topic,
    code,
    message,
    issues,
    ...contentOf(bytes),
  }));
  return writeLines(path, lines);
}

/** Writes the late events of a run as JSON lines that `weir run` and a backfill can read. */
export async function exportLate(out: string, path: string): Promise<number> {
  const rows: TableRow[] = [];
  for await (const batch of openLake({ dir: join(out, 'lake') }).readRows('late')) rows.push(...batch);
  const lines = rows.map(({ topic, event, offset, reason, late_by_ms: lateByMs }) => ({
    topic,
    event,
    offset,
    reason,
    lateByMs: lateByMs ?? null,
  }));
  return writeLines(path, lines);
}

function readRedriven(out: string): Set<number> {
  const path = join(out, 'redriven.json');
  const text = readTextIfAny(realDisk, path);
  if (text === null) return new Set();
  const parsed = redrivenFile.safeParse(parseLine(text));
  if (parsed.success) return new Set(parsed.data.offsets);
  throw new WeirError({
    code: 'REDRIVEN_UNREADABLE',
    message: `${path}: got something else, expected the offsets that were put back`,
    fix: `Delete ${path}: what is put back a second time counts as a duplicate.`,
    facts: { path },
  });
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function contentOf(bytes: Uint8Array): object {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const event = parseLine(text);
    return typeof event === 'object' && event !== null && !Array.isArray(event) ? { event } : { text };
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
}

async function writeLines(path: string, lines: readonly object[]): Promise<number> {
  try {
    const text = Readable.from(lines.map((line) => `${JSON.stringify(line)}\n`));
    await pipeline(text, createWriteStream(path, { mode: 0o600 }));
  } catch (error) {
    throw wrapFsError(error, path);
  }
  return lines.length;
}
