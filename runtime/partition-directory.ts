import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { syncDirectory, temporarySuffix } from '../adapters/files/durable-file.ts';
import { realDisk } from '../adapters/files/disk.ts';
import { acquireOwner } from '../adapters/files/owner-lock.ts';
import { WeirError } from '../core/contract/failure.ts';

// partition-03/0001, 0002, ...: the last one counts. A new one begins as a copy when the owner of the last is alive and
// cannot be asked to let go: whatever that one writes when it wakes, it writes to files that nobody reads any more.

const handover = { waitMs: 5000, lookMs: 20 } as const;

/**
 * Opens what a partition keeps, once its former owner has let go. One that stays alive without letting go, as a process
 * that is stopped does, is left its directory: a copy of it is opened. The caller has fenced that owner off already.
 */
export async function openPartitionDirectory<Opened>(
  partitionDir: string,
  open: (dir: string) => Promise<Opened> | Opened,
): Promise<{ readonly dir: string; readonly opened: Opened; readonly isCopy: boolean }> {
  mkdirSync(partitionDir, { recursive: true });
  const untilMs = performance.now() + handover.waitMs;
  for (;;) {
    const dir = join(partitionDir, latestPartitionDirectory(partitionDir) ?? numberName(1));
    try {
      const opened = await open(dir);
      removeOlder(partitionDir, dir);
      return { dir, opened, isCopy: false };
    } catch (error) {
      if (!(error instanceof WeirError) || error.code !== 'OWNER_ACTIVE') throw error;
    }
    if (performance.now() < untilMs) await delay(handover.lookMs);
    else {
      const copy = copyDirectory(dir);
      return { dir: copy, opened: await open(copy), isCopy: true };
    }
  }
}

/** The directory that counts of a partition, null when it has none yet. */
export function latestPartitionDirectory(partitionDir: string): string | null {
  if (!existsSync(partitionDir)) return null;
  const names = readdirSync(partitionDir).filter((name) => /^\d{4}$/.test(name));
  return names.sort().at(-1) ?? null;
}

/** What a cut has once written stays as it is and is linked; the ends of the log and the journal are copied. */
const copied = /^(journal|log)$/;
/** The log last: it may then be longer than what the rest refers to, never shorter. */
const lastFolder = 'log';

function copyDirectory(dir: string): string {
  const partitionDir = dirname(dir);
  const number = Number(latestPartitionDirectory(partitionDir) ?? 0) + 1;
  const staging = join(partitionDir, `${numberName(number)}-${process.pid}${temporarySuffix}`);
  rmSync(staging, { recursive: true, force: true });
  copyFolder(dir, staging, 'link');
  const copy = join(partitionDir, numberName(number));
  renameSync(staging, copy);
  syncDirectory(realDisk, partitionDir);
  return copy;
}

function copyFolder(from: string, to: string, how: 'link' | 'copy'): void {
  mkdirSync(to, { recursive: true });
  const entries = readdirSync(from, { withFileTypes: true }).sort(
    (left, right) => Number(left.name === lastFolder) - Number(right.name === lastFolder),
  );
  for (const entry of entries) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyFolder(source, target, copied.test(entry.name) ? 'copy' : how);
    else if (!entry.name.startsWith('owner') && !entry.name.endsWith(temporarySuffix)) copyFile(source, target, how);
  }
}

/** A file that went meanwhile belonged to an older checkpoint. */
function copyFile(source: string, target: string, how: 'link' | 'copy'): void {
  try {
    if (how === 'link') linkSync(source, target);
    else copyFileSync(source, target);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error;
  }
}

/** Removes the directories before the one that counts, of owners that are gone. */
function removeOlder(partitionDir: string, dir: string): void {
  for (const name of readdirSync(partitionDir)) {
    const older = join(partitionDir, name);
    if (!/^\d{4}$/.test(name) || older >= dir) continue;
    try {
      acquireOwner(older);
      rmSync(older, { recursive: true, force: true });
    } catch (error) {
      if (!(error instanceof WeirError) || error.code !== 'OWNER_ACTIVE') throw error;
    }
  }
}

function numberName(number: number): string {
  return String(number).padStart(4, '0');
}
