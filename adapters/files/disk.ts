import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';

/** A name in a directory. */
export type DiskEntry = { readonly name: string; readonly isDirectory: boolean };

/** To read; to read and write what exists; to write anew; to add at the end. As https://nodejs.org/api/fs.html#file-system-flags says. */
export type OpenFlags = 'r' | 'r+' | 'w' | 'a';

/**
 * What Weir asks of a file system: one function a system call, with its failures (an error with `code` and `syscall`) and its
 * right to read or write fewer bytes than asked. `sync` on a directory makes the names in it durable. Plain arguments, as
 * `read` and `write` run for every block.
 */
export type Disk = {
  readonly open: (path: string, flags: OpenFlags) => number;
  readonly close: (fd: number) => void;
  /** Reads from `position` of the file into `bytes[start, ...)`; the bytes read, 0 at the end. */
  readonly read: (fd: number, bytes: Uint8Array, start: number, position: number) => number;
  /** Writes `bytes[start, ...)` at `position`, null: where the last write ended; the bytes written. */
  readonly write: (fd: number, bytes: Uint8Array, start: number, position: number | null) => number;
  readonly truncate: (fd: number, sizeBytes: number) => void;
  readonly sync: (fd: number) => void;
  /** As `sync`, without times and the like. */
  readonly syncData: (fd: number) => void;
  /** As `sync` and `syncData`, without waiting. */
  readonly syncLater: (fd: number) => Promise<void>;
  readonly syncDataLater: (fd: number) => Promise<void>;
  readonly sizeOf: (fd: number) => number;
  readonly sizeOfPath: (path: string) => number;
  readonly rename: (from: string, to: string) => void;
  /** Gives a file a second name, which must be free. */
  readonly link: (from: string, to: string) => void;
  readonly remove: (path: string) => void;
  readonly removeDirectory: (path: string) => void;
  /** Makes a directory and those above it; the uppermost that was made, undefined when all existed. */
  readonly makeDirectories: (path: string) => string | undefined;
  readonly list: (dir: string) => DiskEntry[];
};

/** The file system of this machine. */
export const realDisk: Disk = {
  open: (path, flags) => openSync(path, flags),
  close: (fd) => closeSync(fd),
  read: (fd, bytes, start, position) => readSync(fd, bytes, start, bytes.length - start, position),
  write: (fd, bytes, start, position) => writeSync(fd, bytes, start, bytes.length - start, position),
  truncate: (fd, sizeBytes) => ftruncateSync(fd, sizeBytes),
  sync: (fd) => fsyncSync(fd),
  syncData: (fd) => fdatasyncSync(fd),
  syncLater: promisify(fsync),
  syncDataLater: promisify(fdatasync),
  sizeOf: (fd) => fstatSync(fd).size,
  sizeOfPath: (path) => statSync(path).size,
  rename: (from, to) => renameSync(from, to),
  link: (from, to) => linkSync(from, to),
  remove: (path) => unlinkSync(path),
  removeDirectory: (path) => rmdirSync(path),
  makeDirectories: (path) => mkdirSync(path, { recursive: true }),
  list: (dir) =>
    readdirSync(dir, { withFileTypes: true }).map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() })),
};
