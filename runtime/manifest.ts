import { join } from 'node:path';
import { WeirError } from '../core/contract/failure.ts';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { readTextIfAny, writeDurably, writeFully } from '../adapters/files/durable-file.ts';
import type { Plan } from '../core/features/plan.ts';
import type { WeirIdentity } from './assemble.ts';
import { assertNoPromotion } from './promotion-mark.ts';

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

/** What else `run.json` holds: what the state is laid out by, so that a change of it can be told feature by feature. */
export type RunHistory = {
  /** The plan that runs. */
  readonly plan: Plan;
  /** Features of the definition that have no values until they are rebuilt. */
  readonly inactive: readonly string[];
  /** What took effect, and from which offset on; the first is the beginning. */
  readonly changes: readonly (WeirIdentity & { readonly fromOffset: number })[];
};

/** What a run is claimed for. */
export type ClaimedRun = {
  readonly dir: string;
  readonly manifest: Manifest;
  readonly plan: Plan;
  readonly disk?: Disk;
};

/**
 * Writes the manifest of a new directory, or compares it with the one that is there. Throws `RUN_CHANGED` with every
 * difference: a run is resumed with what it began with, or its change is asked for (`changeManifest`); and
 * `PROMOTION_UNFINISHED`.
 */
export function claimManifest({ dir, manifest, plan, disk = realDisk }: ClaimedRun): void {
  const existing = readManifest(dir, disk);
  if (existing === null) {
    const changes = [{ ...identityOf(manifest), fromOffset: 0 }];
    return writeManifest(dir, { ...manifest, plan, inactive: [], changes }, disk);
  }
  assertNoPromotion(dir, disk);
  const changes = manifestChanges(existing, manifest);
  if (changes.length > 0) throw runChanged(dir, changes);
}

/** Writes down that a run goes on with something else from an offset on; what came before stays written there. */
export function changeManifest(
  { dir, manifest, plan, disk = realDisk }: ClaimedRun,
  change: { readonly inactive: readonly string[]; readonly fromOffset: number },
): void {
  const { inactive, fromOffset } = change;
  const existing = readManifest(dir, disk);
  const known: unknown = isObject(existing) ? existing['changes'] : [];
  const before: readonly unknown[] = Array.isArray(known) ? known : [];
  const changes = [...before, { ...identityOf(manifest), fromOffset }];
  writeManifest(dir, { ...manifest, plan, inactive, changes }, disk);
}

/** How a run differs from what its directory was begun with, a line a difference, the features of its definition left out. */
function manifestChanges(existing: unknown, manifest: Manifest): string[] {
  const { engine, source } = manifest;
  const asked: unknown = JSON.parse(JSON.stringify({ ...identityOf(manifest), engine, source }));
  if (!isObject(existing) || !isObject(asked)) return ['run.json is no object'];
  return Object.keys(asked).flatMap((name) => differences(name, existing[name], asked[name]));
}

/** The refusal of a run that was begun with something else. */
export function runChanged(dir: string, changes: readonly string[]): WeirError {
  return new WeirError({
    code: 'RUN_CHANGED',
    message: `${dir} was begun with something else: ${changes.join('; ')}`,
    fix: 'Resume it with what it began with, make its state again for what is new with weir run --rebuild, or give the run a new --out.',
    facts: { dir, changes: changes.length },
  });
}

/** The manifest of a directory, null when it has none. */
export function readManifest(dir: string, disk: Disk = realDisk): unknown {
  const text = readTextIfAny(disk, pathOf(dir));
  if (text === null) return null;
  const manifest: unknown = JSON.parse(text);
  return manifest;
}

function writeManifest(
  dir: string,
  content: Manifest & Omit<RunHistory, 'changes'> & { readonly changes: readonly unknown[] },
  disk: Disk,
): void {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  writeDurably(disk, pathOf(dir), (fd) => writeFully(disk, fd, Buffer.from(text)));
}

function identityOf({ definition, rules, model }: WeirIdentity): WeirIdentity {
  return { definition, rules, model };
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
