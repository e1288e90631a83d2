import { join } from 'node:path';
import { realDisk } from '../adapters/files/disk.ts';
import { makeDirectory, readTextIfAny, writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import { WeirError } from '../core/contract/failure.ts';

/** What a directory is claimed for: the kind of the run, and what it is begun with. */
export type DirectoryClaim = { readonly dir: string; readonly name: 'flow' | 'telemetry'; readonly manifest: object };

/** By the file that names it, which command writes to a directory. */
const commands = { run: 'weir run', flow: 'weir flow run', telemetry: 'weir telemetry' } as const;

/**
 * Writes the manifest of a new directory, `<name>.json` beside the log, or compares it with the one that is there. Throws
 * `RUN_CHANGED`, or `OUT_TAKEN` for the directory of something else.
 */
export function claimDirectory({ dir, name, manifest }: DirectoryClaim): void {
  makeDirectory(realDisk, dir);
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const existing = readTextIfAny(realDisk, join(dir, `${name}.json`));
  if (existing === text) return;
  if (existing !== null) throw changed(dir, existing, text);
  for (const [other, command] of Object.entries(commands)) {
    if (readTextIfAny(realDisk, join(dir, `${other}.json`)) !== null) throw taken(dir, command);
  }
  writeDurably(realDisk, join(dir, `${name}.json`), (fd) => writeFully(realDisk, fd, Buffer.from(text)));
}

function taken(dir: string, command: string): WeirError {
  return new WeirError({
    code: 'OUT_TAKEN',
    message: `got ${dir}, which ${command} has written to, expected a directory of this kind of run or a new one`,
    fix: 'Give this run another --out.',
    facts: { dir },
  });
}

function changed(dir: string, existing: string, asked: string): WeirError {
  const before = new Set(existing.split('\n').map((line) => line.trim()));
  const lines = asked.split('\n').map((line) => line.trim().replace(/,$/, ''));
  const news = lines.filter((line) => line !== '' && !before.has(line) && !before.has(`${line},`));
  return new WeirError({
    code: 'RUN_CHANGED',
    message: `${dir} was begun with something else: now ${news.join(', ')}`,
    fix: 'Resume it with what it began with, or give this run a new --out.',
    facts: { dir, changes: news.length },
  });
}
