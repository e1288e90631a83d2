import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { WeirError } from '../../core/contract/failure.ts';
import { type Disk, realDisk } from './disk.ts';
import {
  makeDirectory,
  offsetName,
  readAt,
  readWhole,
  removeIfAny,
  syncDirectory,
  writeDurably,
  writeFully,
} from './durable-file.ts';
import { withPath } from './failure.ts';

/** A file of one cut `[startOffset, endOffset)` and what its head says of it. */
export type CutFile = {
  readonly path: string;
  readonly startOffset: number;
  readonly endOffset: number;
  /** A few numbers that a look-up reads without the body. */
  readonly head: Float64Array;
};

/** Files of cuts in one folder, each with a head of a few numbers, in memory, and a body, read when it is asked for. */
export type CutFiles = {
  /** Newest first. */
  readonly list: () => readonly CutFile[];
  /** The body, from memory where it was read lately. Throws `CUT_FILE_CORRUPT`. */
  readonly bodyOf: (file: CutFile) => Uint8Array;
  /** Writes a file, durably. Throws `DISK_FULL`. */
  readonly write: (file: Omit<CutFile, 'path'>, body: readonly Uint8Array[]) => void;
  /** Deletes the files that a test finds. */
  readonly removeWhere: (isDoomed: (file: CutFile) => boolean) => void;
};

// | magic, 8 bytes | u32 length of the head | u32 crc of head and body | head, 8 bytes each | body |
const magic = Buffer.from('WEIRCUT1');
const fixedBytes = 16;

/** Opens the files in a folder, which is made if need be; the bodies of `bodiesMax` stay in memory. */
export function openCutFiles(options: {
  readonly dir: string;
  readonly ending: string;
  readonly bodiesMax: number;
  readonly disk?: Disk;
}): CutFiles {
  const { dir, ending, bodiesMax, disk = realDisk } = options;
  makeDirectory(disk, dir);
  let files = listFiles(disk, dir, ending);
  const bodies = new Map<string, Uint8Array>();
  return {
    list: () => files,
    bodyOf: (file) => {
      const body = bodies.get(file.path) ?? readBody(disk, file);
      bodies.delete(file.path);
      bodies.set(file.path, body);
      for (const path of bodies.keys()) {
        if (bodies.size <= bodiesMax) break;
        bodies.delete(path);
      }
      return body;
    },
    write: ({ startOffset, endOffset, head }, body) => {
      const path = join(dir, `${offsetName(startOffset)}-${offsetName(endOffset)}.${ending}`);
      writeFile(disk, path, [bytesOf(head), ...body]);
      files = [{ path, startOffset, endOffset, head }, ...files];
    },
    removeWhere: (isDoomed) => {
      const doomed = files.filter(isDoomed);
      for (const { path } of doomed) {
        withPath(path, () => removeIfAny(disk, path));
        bodies.delete(path);
      }
      if (doomed.length > 0) syncDirectory(disk, dir);
      files = files.filter((file) => !doomed.includes(file));
    },
  };
}

function listFiles(disk: Disk, dir: string, ending: string): CutFile[] {
  const files: CutFile[] = [];
  for (const { name } of withPath(dir, () => disk.list(dir))) {
    const match = /^(\d{16})-(\d{16})\.(\w+)$/.exec(name);
    if (match === null || match[3] !== ending) continue;
    const path = join(dir, name);
    files.push({ path, startOffset: Number(match[1]), endOffset: Number(match[2]), head: readHead(disk, path) });
  }
  return files.sort((left, right) => right.startOffset - left.startOffset);
}

function readHead(disk: Disk, path: string): Float64Array {
  return withPath(path, () => {
    const fd = disk.open(path, 'r');
    try {
      const fixed = readAt(disk, fd, { position: 0, sizeBytes: fixedBytes });
      if (fixed.length < fixedBytes || !fixed.subarray(0, 8).equals(magic)) throw corrupt(path);
      const head = readAt(disk, fd, { position: fixedBytes, sizeBytes: fixed.readUInt32LE(8) });
      return new Float64Array(Uint8Array.from(head).buffer);
    } finally {
      disk.close(fd);
    }
  });
}

/** The body begins at a multiple of 8 bytes of its buffer. */
function readBody(disk: Disk, { path, head }: CutFile): Uint8Array {
  const bytes = readWhole(disk, path);
  if (bytes.length < fixedBytes || crc32(bytes.subarray(fixedBytes)) !== bytes.readUInt32LE(12)) throw corrupt(path);
  return Uint8Array.from(bytes.subarray(fixedBytes + head.byteLength));
}

function writeFile(disk: Disk, path: string, [head, ...body]: readonly [Uint8Array, ...Uint8Array[]]): void {
  const fixed = Buffer.alloc(fixedBytes);
  magic.copy(fixed);
  fixed.writeUInt32LE(head.length, 8);
  fixed.writeUInt32LE(
    body.reduce((sum, part) => crc32(part, sum), crc32(head)),
    12,
  );
  writeDurably(disk, path, (fd) => {
    for (const part of [fixed, head, ...body]) writeFully(disk, fd, part);
  });
}

/** The bytes of a typed array: a view. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function corrupt(path: string): WeirError {
  return new WeirError({
    code: 'CUT_FILE_CORRUPT',
    message: `${path}: got bytes that fail their checksum, expected what was written`,
    fix: 'Restore the file from a copy, or take the log into a new directory.',
    facts: { path },
  });
}
