import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, withPath } from './failure.ts';

/** The ending of a file that is still being written; a crash may leave one behind and anyone may delete it. */
export const temporarySuffix = '.tmp';

/**
 * Makes a file appear whole or not at all: `write` fills a temporary file, which is fsynced, renamed and its directory
 * fsynced. Throws `WeirError` (`DISK_FULL` and others); the temporary file is then gone and the old file untouched.
 */
export function writeDurably(path: string, write: (fd: number) => void): void {
  writeRenamed(path, write);
  syncDirectory(dirname(path));
}

/** As `writeDurably`, but the caller syncs the directory (once for many files). */
function writeRenamed(path: string, write: (fd: number) => void): void {
  const temporaryPath = path + temporarySuffix;
  withPath(path, () => {
    try {
      const fd = openSync(temporaryPath, 'w');
      try {
        write(fd);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(temporaryPath, path);
    } catch (error) {
      rmSync(temporaryPath, { force: true });
      throw error;
    }
  });
}

/** Writes every byte at the file's current position: one system call may write fewer than it was given. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(fd, bytes, written, bytes.length - written);
}

/** Makes the names in a directory durable (files that were created, renamed or removed). */
export function syncDirectory(dir: string): void {
  withPath(dir, () => {
    const fd = openSync(dir, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  });
}

/** Creates a directory and those above it, and makes their names durable. */
export function makeDirectory(dir: string): void {
  withPath(dir, () => {
    const firstMade = mkdirSync(dir, { recursive: true });
    if (firstMade === undefined) return;
    for (let made = dir; made.length >= firstMade.length; made = dirname(made)) syncDirectory(dirname(made));
  });
}

/** The text of a small file, null when there is none. */
export function readTextIfAny(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    return withPath(path, () => {
      throw error;
    });
  }
}

/** An offset as file names carry it: 16 digits, so that names sort as numbers do. */
export function offsetName(offset: number): string {
  return String(offset).padStart(16, '0');
}
