import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { WeirError } from '../../core/contract/failure.ts';
import { hexOfWords } from '../../core/decode/hash-words.ts';
import { type Disk, realDisk } from './disk.ts';
import { makeDirectory, offsetName, readAt, readWhole, removeIfAny, syncDirectory } from './durable-file.ts';
import { temporarySuffix, writeDurably, writeFully } from './durable-file.ts';
import { withPath } from './failure.ts';

/** A decided event: hashes as hex of at least 16 digits, of which the index keeps the first 16. */
export type KeyEntry = { readonly idHash: string; readonly bodyHash: string; readonly offset: number };

/** Where an id was decided: its record's offset, and the cut `[startOffset, endOffset)` whose lake files have the row. */
export type FoundKey = {
  readonly bodyHashPrefix: string;
  readonly offset: number;
  readonly startOffset: number;
  readonly endOffset: number;
};

/** The ids that were decided before; for the rare event that is older than what the engine remembers. */
export type KeyIndex = {
  /** The newest entry of an id, null when it was never decided. One binary search a file. Throws `KEY_INDEX_CORRUPT`. */
  readonly find: (idHash: string) => FoundKey | null;
  /** Visits the first 16 digits of every id hash, in no order. */
  readonly eachId: (visit: (idHashPrefix: string) => void) => void;
  /** As `eachId`, as two words at `words[at]`. */
  readonly eachIdWords: (visit: (words: Uint32Array, at: number) => void) => void;
  /** Deletes the files of cuts that start at or after an offset. */
  readonly removeFrom: (offset: number) => void;
  /** Looks at the directory again, for files that were written since. */
  readonly refresh: () => void;
};

// A file is its entries sorted by id hash, then offset, 32 bytes each, then a footer of as many bytes.
// entry:  | id hash, 8 bytes | body hash, 8 bytes | f64 offset | 8 reserved |
// footer: | magic, 8 bytes | f64 count | u32 crc of the entries | 12 reserved |
const entryBytes = 32;
const prefixDigits = 16;
const magic = Buffer.from('WEIRKEYS');
/** Entries that are left for one read at the end of a binary search. */
const blockEntries = 128;
/** A double holds 32 bits of a hash and a position below this one exactly. */
const positionsMax = 2 ** 21;

/** Accepted ids as columns. */
export type KeyColumns = {
  readonly count: number;
  /** Four words an id: 64 bits of the id hash, then 64 of the body hash. */
  readonly words: Uint32Array;
  readonly offset: Float64Array;
};

/** Writes the ids of one cut, whole or not at all. Throws `DISK_FULL`. O(n log n). */
export function writeKeyIndex(cut: {
  dir: string;
  startOffset: number;
  endOffset: number;
  entries: readonly KeyEntry[];
  disk?: Disk;
}): void {
  writeKeyColumns({ ...cut, keys: columnsOf(cut.entries) });
}

/** As `writeKeyIndex`, of columns. */
export function writeKeyColumns(cut: {
  dir: string;
  startOffset: number;
  endOffset: number;
  keys: KeyColumns;
  disk?: Disk;
}): void {
  const { disk = realDisk } = cut;
  makeDirectory(disk, cut.dir);
  const body = encode(cut.keys);
  const footer = Buffer.alloc(entryBytes);
  magic.copy(footer);
  footer.writeDoubleLE(cut.keys.count, 8);
  footer.writeUInt32LE(crc32(body), 16);
  writeDurably(disk, join(cut.dir, `${offsetName(cut.startOffset)}-${offsetName(cut.endOffset)}.idx`), (fd) => {
    writeFully(disk, fd, body);
    writeFully(disk, fd, footer);
  });
}

/** Opens the index files of a directory, which is made if need be. A file's checksum is verified when it is first used. */
export function openKeyIndex(dir: string, disk: Disk = realDisk): KeyIndex {
  makeDirectory(disk, dir);
  const verified = new Set<string>();
  let files = listFiles(disk, dir);
  const refresh = (): void => {
    files = listFiles(disk, dir);
  };
  const find = (idHash: string): FoundKey | null => {
    const key = Buffer.from(prefixOf(idHash), 'hex');
    for (const file of files) {
      const entry = withFile(disk, file.path, (fd) => {
        if (!verified.has(file.path)) verify(disk, file.path, fd);
        verified.add(file.path);
        return findEntry(disk, fd, key);
      });
      if (entry !== null) return { ...entry, startOffset: file.startOffset, endOffset: file.endOffset };
    }
    return null;
  };
  const removeFrom = (offset: number): void => {
    removeFiles(disk, dir, offset);
    verified.clear();
    refresh();
  };
  const eachIdWords: KeyIndex['eachIdWords'] = (visit) =>
    files.forEach(({ path }) => eachIdOf(readWhole(disk, path), visit));
  const eachId: KeyIndex['eachId'] = (visit) => eachIdWords((words, at) => visit(hexOfWords({ words, at, count: 2 })));
  return { find, eachId, eachIdWords, removeFrom, refresh };
}

function eachIdOf(bytes: Buffer, visit: (words: Uint32Array, at: number) => void): void {
  const words = new Uint32Array(2);
  for (let at = 0; at < bytes.length - entryBytes; at += entryBytes) {
    words[0] = bytes.readUInt32BE(at);
    words[1] = bytes.readUInt32BE(at + 4);
    visit(words, 0);
  }
}

function columnsOf(entries: readonly KeyEntry[]): KeyColumns {
  const words = new Uint32Array(entries.length * 4);
  entries.forEach(({ idHash, bodyHash }, index) => {
    const digits = prefixOf(idHash) + prefixOf(bodyHash);
    for (let word = 0; word < 4; word++)
      words[index * 4 + word] = Number.parseInt(digits.slice(word * 8, word * 8 + 8), 16);
  });
  return { count: entries.length, words, offset: Float64Array.from(entries, ({ offset }) => offset) };
}

function encode({ count, words, offset }: KeyColumns): Buffer {
  if (count > positionsMax) throw new RangeError(`got ${count} ids in one cut, expected at most ${positionsMax}`);
  const sorted = Buffer.alloc(count * entryBytes);
  const view = new DataView(sorted.buffer, sorted.byteOffset, sorted.byteLength);
  const order = sortedOrder({ count, words, offset });
  for (let row = 0; row < count; row++) {
    const from = order[row]!;
    const to = row * entryBytes;
    for (let word = 0; word < 4; word++) view.setUint32(to + word * 4, words[from * 4 + word]!);
    view.setFloat64(to + 16, offset[from]!, true);
  }
  return sorted;
}

/**
 * Positions by id hash, then offset. Sorts doubles that hold the first 32 bits and the position, as the engine does
 * without a comparator; what they leave open is mended between neighbours.
 */
function sortedOrder({ count, words, offset }: KeyColumns): Uint32Array {
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = words[i * 4]! * positionsMax + i;
  keys.sort();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = keys[i]! % positionsMax;
  const isAfter = (a: number, b: number): boolean => {
    for (let word = 0; word < 2; word++) {
      if (words[a * 4 + word] !== words[b * 4 + word]) return words[a * 4 + word]! > words[b * 4 + word]!;
    }
    return offset[a]! > offset[b]!;
  };
  for (let i = 1; i < count; i++) {
    for (let j = i; j > 0 && isAfter(order[j - 1]!, order[j]!); j--) {
      const moved = order[j]!;
      order[j] = order[j - 1]!;
      order[j - 1] = moved;
    }
  }
  return order;
}

function prefixOf(hash: string): string {
  const prefix = hash.slice(0, prefixDigits);
  if (/^[0-9a-f]{16}$/.test(prefix)) return prefix;
  throw new Error(`got a hash of ${hash.length} characters, expected at least ${prefixDigits} hex digits`);
}

type IndexFile = { readonly path: string; readonly startOffset: number; readonly endOffset: number };

/** Newest first. */
function listFiles(disk: Disk, dir: string): IndexFile[] {
  const names = namesIn(disk, dir).filter((name) => /^\d{16}-\d{16}\.idx$/.test(name));
  return names
    .sort()
    .reverse()
    .map((name) => ({
      path: join(dir, name),
      startOffset: Number(name.slice(0, 16)),
      endOffset: Number(name.slice(17, 33)),
    }));
}

function namesIn(disk: Disk, dir: string): string[] {
  return withPath(dir, () => disk.list(dir)).map(({ name }) => name);
}

function removeFiles(disk: Disk, dir: string, offset: number): void {
  const doomed = listFiles(disk, dir).filter(({ startOffset }) => startOffset >= offset);
  const left = namesIn(disk, dir).filter((name) => name.endsWith(`.idx${temporarySuffix}`));
  for (const path of [...doomed.map((file) => file.path), ...left.map((name) => join(dir, name))]) {
    withPath(path, () => removeIfAny(disk, path));
  }
  syncDirectory(disk, dir);
}

function withFile<Result>(disk: Disk, path: string, use: (fd: number) => Result): Result {
  return withPath(path, () => {
    const fd = disk.open(path, 'r');
    try {
      return use(fd);
    } finally {
      disk.close(fd);
    }
  });
}

function verify(disk: Disk, path: string, fd: number): void {
  const sizeBytes = disk.sizeOf(fd);
  const bytes = readAt(disk, fd, { position: 0, sizeBytes });
  const body = bytes.subarray(0, Math.max(0, sizeBytes - entryBytes));
  const footer = bytes.subarray(body.length);
  const whole =
    footer.length === entryBytes &&
    footer.subarray(0, 8).equals(magic) &&
    footer.readDoubleLE(8) * entryBytes === body.length &&
    footer.readUInt32LE(16) === crc32(body);
  if (whole) return;
  throw new WeirError({
    code: 'KEY_INDEX_CORRUPT',
    message: `${path}: the checksum does not match its ${sizeBytes} bytes`,
    fix: `Restore ${path} from a copy, or rebuild the output directory from the log.`,
    facts: { path, sizeBytes },
  });
}

/** The first entry of a key in one file: of several, the one of the lowest offset. */
function findEntry(disk: Disk, fd: number, key: Buffer): { bodyHashPrefix: string; offset: number } | null {
  const count = disk.sizeOf(fd) / entryBytes - 1;
  let start = 0;
  let end = count;
  // Invariant: the first entry that is not less than the key is in [start, end]; at count there is none.
  while (end - start > blockEntries) {
    const middle = Math.floor((start + end) / 2);
    const probe = readAt(disk, fd, { position: middle * entryBytes, sizeBytes: 8 });
    if (probe.compare(key) < 0) start = middle + 1;
    else end = middle;
  }
  const sizeBytes = (Math.min(end + 1, count) - start) * entryBytes;
  const block = readAt(disk, fd, { position: start * entryBytes, sizeBytes });
  for (let at = 0; at < block.length; at += entryBytes) {
    if (block.subarray(at, at + 8).equals(key)) {
      return { bodyHashPrefix: block.toString('hex', at + 8, at + 16), offset: block.readDoubleLE(at + 16) };
    }
  }
  return null;
}
