import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { WeirError } from '../../core/contract/failure.ts';
import { type Disk, realDisk } from './disk.ts';
import {
  makeDirectory,
  offsetName,
  readAt,
  removeIfAny,
  syncDirectory,
  writeDurably,
  writeFully,
} from './durable-file.ts';
import { withPath } from './failure.ts';

/** A file of one cut `[startOffset, endOffset)`, and what is known of it without reading it again. */
export type CutFile = {
  readonly path: string;
  readonly startOffset: number;
  readonly endOffset: number;
  /** What tells a look-up which chunk to read, if any. */
  readonly head: Float64Array;
  /** Where each chunk begins in the file, and where the last one ends. */
  readonly positions: Float64Array;
  readonly checksums: Uint32Array;
};

/** Files of cuts in one folder: of each a head, in memory, and chunks, of which a look-up reads the one that it needs. */
export type CutFiles = {
  /** Newest first. */
  readonly list: () => readonly CutFile[];
  /** A chunk, at the start of a buffer of its own; from memory where it was read lately. Throws `CUT_FILE_CORRUPT`. */
  readonly chunkOf: (file: CutFile, chunk: number) => Uint8Array;
  /** Writes a file, durably; a chunk is given in pieces. Throws `DISK_FULL`. */
  readonly write: (
    file: Pick<CutFile, 'startOffset' | 'endOffset' | 'head'>,
    chunks: readonly (readonly Uint8Array[])[],
  ) => void;
  /** Deletes the files that a test finds. */
  readonly removeWhere: (isDoomed: (file: CutFile) => boolean) => void;
};

// | magic, 8 bytes | u32 bytes of the head | u32 chunks | u32 crc of head and table | u32 0 |
// | head, f64 each | table: u32 bytes, u32 crc of each chunk | chunks |
const magic = Buffer.from('WEIRCUT2');
const fixedBytes = 24;
const tableRowBytes = 8;

/** Opens the files in a folder, which is made if need be; chunks of at most `cacheBytesMax` in all stay in memory. */
export function openCutFiles(options: {
  readonly dir: string;
  readonly ending: string;
  readonly cacheBytesMax: number;
  readonly disk?: Disk;
}): CutFiles {
  const { dir, ending, cacheBytesMax, disk = realDisk } = options;
  makeDirectory(disk, dir);
  let files = listFiles(disk, dir, ending);
  const cache = createCache(cacheBytesMax);
  return {
    list: () => files,
    chunkOf: (file, chunk) => cache.get(`${file.path}#${chunk}`, () => readChunk(disk, file, chunk)),
    write: ({ startOffset, endOffset, head }, chunks) => {
      const path = join(dir, `${offsetName(startOffset)}-${offsetName(endOffset)}.${ending}`);
      files = [{ path, startOffset, endOffset, head, ...writeFile(disk, { path, head, chunks }) }, ...files];
    },
    removeWhere: (isDoomed) => {
      const doomed = files.filter(isDoomed);
      for (const { path } of doomed) withPath(path, () => removeIfAny(disk, path));
      if (doomed.length === 0) return;
      // A file that is written again under a name that went must not be answered from memory.
      cache.clear();
      syncDirectory(disk, dir);
      files = files.filter((file) => !doomed.includes(file));
    },
  };
}

/** What was asked for last stays, as long as all of it is within a limit. */
function createCache(bytesMax: number) {
  const chunks = new Map<string, Uint8Array>();
  let sizeBytes = 0;
  const drop = (name: string): void => {
    sizeBytes -= chunks.get(name)?.length ?? 0;
    chunks.delete(name);
  };
  return {
    get: (name: string, read: () => Uint8Array): Uint8Array => {
      const chunk = chunks.get(name) ?? read();
      drop(name);
      chunks.set(name, chunk);
      sizeBytes += chunk.length;
      for (const oldest of chunks.keys()) {
        if (sizeBytes <= bytesMax) break;
        drop(oldest);
      }
      return chunk;
    },
    clear: (): void => {
      chunks.clear();
      sizeBytes = 0;
    },
  };
}

function listFiles(disk: Disk, dir: string, ending: string): CutFile[] {
  const files: CutFile[] = [];
  for (const { name } of withPath(dir, () => disk.list(dir))) {
    const match = /^(\d{16})-(\d{16})\.(\w+)$/.exec(name);
    if (match === null || match[3] !== ending) continue;
    const path = join(dir, name);
    files.push({ path, startOffset: Number(match[1]), endOffset: Number(match[2]), ...readHead(disk, path) });
  }
  return files.sort((left, right) => right.startOffset - left.startOffset);
}

type Described = Pick<CutFile, 'head' | 'positions' | 'checksums'>;

function readHead(disk: Disk, path: string): Described {
  return withFile(disk, path, (fd) => {
    const fixed = readAt(disk, fd, { position: 0, sizeBytes: fixedBytes });
    if (fixed.length < fixedBytes || !fixed.subarray(0, 8).equals(magic)) throw corrupt(path);
    const headBytes = fixed.readUInt32LE(8);
    const sizeBytes = headBytes + fixed.readUInt32LE(12) * tableRowBytes;
    const bytes = sizeBytes <= disk.sizeOf(fd) ? readAt(disk, fd, { position: fixedBytes, sizeBytes }) : fixed;
    if (bytes.length < sizeBytes || crc32(bytes) !== fixed.readUInt32LE(16)) throw corrupt(path);
    const { buffer } = new Uint8Array(bytes);
    return describe(new Float64Array(buffer, 0, headBytes / 8), new Uint32Array(buffer, headBytes));
  });
}

/** A file by its head and its table. */
function describe(head: Float64Array, table: Uint32Array): Described {
  const count = table.length / 2;
  const positions = new Float64Array(count + 1);
  positions[0] = fixedBytes + head.byteLength + table.byteLength;
  for (let chunk = 0; chunk < count; chunk++) positions[chunk + 1] = positions[chunk]! + table[chunk * 2]!;
  return { head, positions, checksums: Uint32Array.from({ length: count }, (_, chunk) => table[chunk * 2 + 1]!) };
}

function readChunk(disk: Disk, { path, positions, checksums }: CutFile, chunk: number): Uint8Array {
  const position = positions[chunk]!;
  const sizeBytes = positions[chunk + 1]! - position;
  const bytes = withFile(disk, path, (fd) => readAt(disk, fd, { position, sizeBytes }));
  if (bytes.length < sizeBytes || crc32(bytes) !== checksums[chunk]) throw corrupt(path);
  return new Uint8Array(bytes);
}

function withFile<T>(disk: Disk, path: string, read: (fd: number) => T): T {
  return withPath(path, () => {
    const fd = disk.open(path, 'r');
    try {
      return read(fd);
    } finally {
      disk.close(fd);
    }
  });
}

function writeFile(
  disk: Disk,
  file: { readonly path: string; readonly head: Float64Array; readonly chunks: readonly (readonly Uint8Array[])[] },
): Pick<CutFile, 'positions' | 'checksums'> {
  const { path, head, chunks } = file;
  const table = new Uint32Array(chunks.length * 2);
  for (const [chunk, pieces] of chunks.entries()) {
    table[chunk * 2] = pieces.reduce((sizeBytes, piece) => sizeBytes + piece.length, 0);
    table[chunk * 2 + 1] = pieces.reduce((sum, piece) => crc32(piece, sum), 0);
  }
  const fixed = Buffer.alloc(fixedBytes);
  magic.copy(fixed);
  fixed.writeUInt32LE(head.byteLength, 8);
  fixed.writeUInt32LE(chunks.length, 12);
  fixed.writeUInt32LE(crc32(bytesOf(table), crc32(bytesOf(head))), 16);
  writeDurably(disk, path, (fd) => {
    for (const piece of [fixed, bytesOf(head), bytesOf(table), ...chunks.flat()]) writeFully(disk, fd, piece);
  });
  return describe(head, table);
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
