import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { readTextIfAny, writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { FlowSet } from '../core/features/flow-plan.ts';

/** What an output directory of a flow was made by: `flow.json` beside the log. */
export type FlowManifest = {
  readonly flow: { readonly name: string; readonly version: number; readonly hash: string };
  readonly watermarkPer: 'input' | 'topic';
  readonly source: {
    readonly path: string;
    readonly sizeBytes: number | null;
    readonly format: string;
    readonly mapping: { readonly name: string; readonly version: number } | null;
  };
};

/** Imports a flow: a module whose default export is what `defineFlow` returns. It runs as part of the program. */
export async function loadFlow(path: string): Promise<FlowSet> {
  const fail = (cause: unknown): WeirError => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new WeirError({
      code: 'DEFINITION_INVALID',
      message: `${path}: ${reason}`,
      fix: 'Compare it with examples/flows/payments.ts; weir flow check says what it makes.',
      facts: { path },
      cause,
    });
  };
  let module: unknown;
  try {
    module = await import(pathToFileURL(resolve(path)).href);
  } catch (error) {
    throw fail(error);
  }
  if (isFlowModule(module)) return module.default;
  throw fail(new Error('got no default export of defineFlow(...), expected one'));
}

/**
 * Writes the manifest of a new directory, or compares it with the one that is there: a flow is resumed with what it began
 * with, as its state is of that. Throws `RUN_CHANGED`, or `OUT_TAKEN` for the directory of something else.
 */
export function claimFlow(dir: string, manifest: FlowManifest, disk: Disk = realDisk): void {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  const path = join(dir, 'flow.json');
  const existing = readTextIfAny(disk, path);
  if (existing === text) return;
  if (existing === null && readTextIfAny(disk, join(dir, 'run.json')) !== null) {
    throw new WeirError({
      code: 'OUT_TAKEN',
      message: `got ${dir}, which weir run has written to, expected a directory of this flow or a new one`,
      fix: 'Give the flow another --out.',
      facts: { dir },
    });
  }
  if (existing !== null) throw changed(dir, existing, text);
  writeDurably(disk, path, (fd) => writeFully(disk, fd, Buffer.from(text)));
}

function changed(dir: string, existing: string, asked: string): WeirError {
  const before = new Set(existing.split('\n').map((line) => line.trim()));
  const lines = asked.split('\n').map((line) => line.trim().replace(/,$/, ''));
  const news = lines.filter((line) => line !== '' && !before.has(line) && !before.has(`${line},`));
  return new WeirError({
    code: 'RUN_CHANGED',
    message: `${dir} was begun with something else: now ${news.join(', ')}`,
    fix: 'Resume it with what it began with, or give the flow a new --out.',
    facts: { dir, changes: news.length },
  });
}

function isFlowModule(module: unknown): module is { readonly default: FlowSet } {
  if (typeof module !== 'object' || module === null || !('default' in module)) return false;
  const set = module.default;
  return typeof set === 'object' && set !== null && 'plan' in set && 'hash' in set && 'contracts' in set;
}
