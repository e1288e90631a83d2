import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WeirError } from '../core/contract/failure.ts';
import { writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import type { WeirIdentity } from './assemble.ts';

/** What an output directory was made by: `run.json` beside the log. */
export type Manifest = WeirIdentity & {
  /** A checkpoint is its engine's own. */
  readonly engine: 'columnar' | 'twin';
  readonly source: {
    readonly path: string;
    readonly sizeBytes: number | null;
    readonly format: string;
    readonly mapping: { readonly name: string; readonly version: number } | null;
  };
};

/**
 * Writes the manifest of a new directory, or compares it with the one that is there. Throws `RUN_CHANGED` with every
 * difference: a run is resumed with what it began with, or not at all.
 */
export function claimManifest(dir: string, manifest: Manifest): void {
  const existing = readManifest(dir);
  if (existing === null) {
    writeDurably(pathOf(dir), (fd) => writeFully(fd, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)));
    return;
  }
  const changes = differences('', existing, JSON.parse(JSON.stringify(manifest)));
  if (changes.length === 0) return;
  throw new WeirError({
    code: 'RUN_CHANGED',
    message: `${dir} was begun with something else: ${changes.join('; ')}`,
    fix: 'Give the run a new --out, or resume it with what it began with.',
    facts: { dir, changes: changes.length },
  });
}

/** The manifest of a directory, null when it has none. */
export function readManifest(dir: string): unknown {
  const path = pathOf(dir);
  if (!existsSync(path)) return null;
  const manifest: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return manifest;
}

function pathOf(dir: string): string {
  return join(dir, 'run.json');
}

function differences(path: string, before: unknown, after: unknown): string[] {
  if (!isObject(before) || !isObject(after)) {
    return before === after ? [] : [`${path} was ${JSON.stringify(before)}, now ${JSON.stringify(after)}`];
  }
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => differences(path === '' ? name : `${path}.${name}`, before[name], after[name]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
