import { closeSync, openSync, readSync } from 'node:fs';
import { openSource, sourceFormats, type SourceItem } from '../adapters/files/source.ts';
import { withPath } from '../adapters/files/failure.ts';
import type { Mapping } from '../core/contract/mapping.ts';
import { unmappableTopic } from '../core/contract/unmappable-header.ts';
import type { Scoring } from '../runtime/scoring.ts';
import type { Manifest } from '../runtime/manifest.ts';
import { addRedriven, type DeadLetterRow, type FixedEvent } from './dead-letters.ts';

export type Redrive = {
  readonly out: string;
  readonly scoring: Scoring;
  readonly letters: readonly DeadLetterRow[];
  /** By offset; null puts the original bytes back. */
  readonly fixed: ReadonlyMap<number, FixedEvent> | null;
  readonly mapping: Mapping | null;
  readonly source: Manifest['source'];
};

/** What came of letters that were put back. */
export type Redriven = {
  readonly letters: number;
  /** Rows that no mapping was given for, or that it still cannot map. */
  readonly stayed: number;
  readonly events: number;
  /** By name, what the core counted of them. */
  readonly counts: Readonly<Record<string, number>>;
};

const appendRecordsMax = 1000;

/** Appends letters to the log again, remembers them as put back, and runs the core over them. */
export async function redriveLetters(redrive: Redrive): Promise<Redriven> {
  const { out, scoring, letters } = redrive;
  const items: SourceItem[] = [];
  const offsets: number[] = [];
  for (const letter of letters) {
    const events = await eventsOf(letter, redrive);
    if (events === null) continue;
    items.push(...events);
    offsets.push(letter.offset);
  }
  const before = new Map(scoring.counts);
  const sourcePosition = scoring.lastSourcePosition ?? 0;
  for (let from = 0; from < items.length; from += appendRecordsMax) {
    await scoring.append(items.slice(from, from + appendRecordsMax).map((item) => ({ ...item, sourcePosition })));
  }
  addRedriven(out, offsets);
  await takeAll(scoring);
  const counts = [...scoring.counts]
    .map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return {
    letters: offsets.length,
    stayed: letters.length - offsets.length,
    events: items.length,
    counts: Object.fromEntries(counts),
  };
}

/** Runs the core over all that the log holds, and commits. */
export async function takeAll(scoring: Scoring): Promise<void> {
  await scoring.process({ lagRecordsMax: 0 });
  await scoring.commit();
}

/** What goes to the log for a letter; null when it has to stay. */
async function eventsOf(letter: DeadLetterRow, redrive: Redrive): Promise<readonly SourceItem[] | null> {
  const { topic, offset, code, bytes } = letter;
  if (redrive.fixed !== null) {
    const fixed = redrive.fixed.get(offset);
    if (fixed === undefined) return null;
    return [{ topic: fixed.topic ?? topic, bytes: Buffer.from(JSON.stringify(fixed.event)) }];
  }
  if (code !== 'unmappable') return [{ topic, bytes }];
  return redrive.mapping === null ? null : mapAgain(bytes, { ...redrive, mapping: redrive.mapping });
}

/** Gives a row back to the mapping; null when it still makes no events of it. */
async function mapAgain(
  row: Uint8Array,
  { mapping, source }: { readonly mapping: Mapping; readonly source: Manifest['source'] },
): Promise<readonly SourceItem[] | null> {
  const format = sourceFormats.find((name) => name === source.format && name !== 'parquet') ?? 'jsonl';
  const header = format === 'csv' ? headerOf(source.path) : '';
  if (header === null) return null;
  const opened = await openSource({
    path: '-',
    format,
    mapping,
    standardInput: chunksOf(Buffer.concat([Buffer.from(header), row])),
  });
  const items = (await Array.fromAsync(opened.events())).flat();
  return items.some(({ topic }) => topic === unmappableTopic) ? null : items;
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const headerBytesMax = 64 * 1024;

/** The first line of a CSV file with its line end; null where the source was standard input. */
function headerOf(path: string): string | null {
  if (path === '-') return null;
  const fd = withPath(path, () => openSync(path, 'r'));
  try {
    const bytes = Buffer.alloc(headerBytesMax);
    const text = bytes.toString('utf8', 0, readSync(fd, bytes, 0, headerBytesMax, 0));
    return `${text.split(/\r?\n/)[0] ?? ''}\n`;
  } finally {
    closeSync(fd);
  }
}
