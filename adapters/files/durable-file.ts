import { dirname, join } from 'node:path';
import { WeirError } from '../../core/contract/failure.ts';
import type { Disk } from './disk.ts';
import { errnoOf, withPath, wrapFsError } from './failure.ts';

/** The ending of a file that is still being written; a crash may leave one behind and anyone may delete it. */
export const temporarySuffix = '.tmp';

/**
 * Makes a file appear whole or not at all: `write` fills a temporary file, which is fsynced, renamed and its directory
 * fsynced. Throws `WeirError` (`DISK_FULL` and others); the temporary file is then gone and the old file untouched.
 */
export function writeDurably(disk: Disk, path: string, write: (fd: number) => void): void {
  writeRenamed(disk, path, write);
  syncDirectory(disk, dirname(path));
}

/** As `writeDurably`, but the caller syncs the directory (once for many files). */
function writeRenamed(disk: Disk, path: string, write: (fd: number) => void): void {
  const temporaryPath = path + temporarySuffix;
  withPath(path, () => {
    try {
      const fd = disk.open(temporaryPath, 'w');
      try {
        write(fd);
        disk.sync(fd);
      } finally {
        disk.close(fd);
      }
      disk.rename(temporaryPath, path);
    } catch (error) {
      removeLeftover(disk, temporaryPath);
      throw error;
    }
  });
}

/** Writes every byte at the file's current position: one system call may write fewer than it was given. */
export function writeFully(disk: Disk, fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += disk.write(fd, bytes, written, null);
}

/** Makes the names in a directory durable (files that were created, renamed or removed), or the bytes of a file. */
export function syncDirectory(disk: Disk, dir: string): void {
  withPath(dir, () => {
    const fd = disk.open(dir, 'r');
    try {
      disk.sync(fd);
    } finally {
      disk.close(fd);
    }
  });
}

/**
 * Creates a directory and those above it, and makes their names durable; also that of one that is there already, as whoever
 * made it may have ended before that. A name is durable before anything is made below it.
 */
export function makeDirectory(disk: Disk, dir: string): void {
  const parent = dirname(dir);
  if (parent === dir) return;
  if (existsOn(disk, dir)) return syncIfAllowed(disk, parent);
  makeDirectory(disk, parent);
  withPath(dir, () => disk.makeDirectories(dir));
  syncDirectory(disk, parent);
}

/** A directory above may be one that this user cannot read, and then has not made anything in. */
function syncIfAllowed(disk: Disk, dir: string): void {
  try {
    syncDirectory(disk, dir);
  } catch (error) {
    if (!(error instanceof WeirError) || error.code !== 'FILE_DENIED') throw error;
  }
}

/** Deletes a file if there is one. Throws `WeirError`. */
export function removeIfAny(disk: Disk, path: string): void {
  try {
    disk.remove(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw wrapFsError(error, path);
  }
}

/** As `removeIfAny`, for who is about to report another failure: what cannot be removed now is left to the next process. */
export function removeLeftover(disk: Disk, path: string): void {
  try {
    removeIfAny(disk, path);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
  }
}

/** Deletes a directory and what is in it, if there is one. Throws `WeirError`. */
export function removeTree(disk: Disk, dir: string): void {
  if (!existsOn(disk, dir)) return;
  for (const { name, isDirectory } of withPath(dir, () => disk.list(dir))) {
    const path = join(dir, name);
    if (isDirectory) removeTree(disk, path);
    else removeIfAny(disk, path);
  }
  withPath(dir, () => disk.removeDirectory(dir));
}

/** Whether there is a file or directory of that name. Throws `WeirError`. */
export function existsOn(disk: Disk, path: string): boolean {
  try {
    disk.sizeOfPath(path);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return false;
    throw wrapFsError(error, path);
  }
}

/** Every byte of a file. */
export function readWhole(disk: Disk, path: string): Buffer {
  return withPath(path, () => readFile(disk, path));
}

/** The text of a small file, null when there is none. */
export function readTextIfAny(disk: Disk, path: string): string | null {
  try {
    return readFile(disk, path).toString('utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw wrapFsError(error, path);
  }
}

function readFile(disk: Disk, path: string): Buffer {
  const fd = disk.open(path, 'r');
  try {
    return readAt(disk, fd, { position: 0, sizeBytes: disk.sizeOf(fd) });
  } finally {
    disk.close(fd);
  }
}

/** The bytes `[position, position + sizeBytes)` of an open file; fewer where it ends before. */
export function readAt(disk: Disk, fd: number, span: { position: number; sizeBytes: number }): Buffer {
  const { position, sizeBytes } = span;
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let done = 0;
  while (done < sizeBytes) {
    const count = disk.read(fd, bytes, done, position + done);
    if (count === 0) return bytes.subarray(0, done);
    done += count;
  }
  return bytes;
}

/** An offset as file names carry it: 16 digits, so that names sort as numbers do. */
export function offsetName(offset: number): string {
  return String(offset).padStart(16, '0');
}
