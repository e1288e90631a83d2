import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Disk, realDisk } from './disk.ts';
import { makeDirectory, removeIfAny, syncDirectory, writeFully } from './durable-file.ts';
import { errnoOf, withPath } from './failure.ts';

/** A part of a checkpoint: a file of blocks, each with a checksum. What names it tells its size and its checksum. */
export type PartEntry = { readonly name: string; readonly sizeBytes: number; readonly checksum: number };

/** A part that is being written. Once a write has failed it cannot be finished: what is asked of it throws that failure. */
export type PartFile = {
  /** Appends a block of a kind, a whole number from 0 to 255. Throws `DISK_FULL`. */
  readonly append: (kind: number, bytes: Uint8Array) => void;
  /** Makes the part durable. */
  readonly finish: () => PartEntry;
  /** Closes a part that will not be finished; its bytes go when those of others go. */
  readonly abandon: () => void;
};

/** A part that is not what its entry says, or is not there. */
export type PartDamage = { readonly file: string; readonly why: string };

// | magic, 8 bytes | block | block ...     a block: | u32 kind | u32 payload bytes | u32 crc | payload |
// The CRC-32 starts from kind and length; that of the part is over those of its blocks. Little endian.
const magic = Buffer.from('WEIRPART');
const headBytes = 12;

/** The largest block. */
const blockBytesMax = 2 ** 30;

const partName = /^(?:front|back)-(\d{16})-\d+\.part$/;

/** Begins a part; a file of that name is written anew. */
export function createPart({ dir, name, disk = realDisk }: { dir: string; name: string; disk?: Disk }): PartFile {
  makeDirectory(disk, dir);
  const path = join(dir, name);
  const fd = withPath(path, () => disk.open(path, 'w'));
  let sizeBytes = 0;
  let checksum = 0;
  let isClosed = false;
  const close = (): void => {
    // The number of a file that is closed may be another file's by now.
    if (!isClosed) disk.close(fd);
    isClosed = true;
  };
  const failures: unknown[] = [];
  const whole = (run: () => void): void => {
    if (failures.length > 0) throw failures[0];
    try {
      withPath(path, run);
    } catch (error) {
      failures.push(error);
      throw error;
    }
  };
  const write = (bytes: Uint8Array): void => {
    whole(() => writeFully(disk, fd, bytes));
    sizeBytes += bytes.length;
  };
  write(magic);
  return {
    append: (kind, bytes) => {
      const head = Buffer.alloc(headBytes);
      head.writeUInt32LE(kind, 0);
      head.writeUInt32LE(bytes.length, 4);
      head.writeUInt32LE(crc32(bytes, crc32(head.subarray(0, 8))), 8);
      write(head);
      write(bytes);
      checksum = crc32(head.subarray(8), checksum);
    },
    finish: () => {
      whole(() => {
        disk.syncData(fd);
        close();
        syncDirectory(disk, dir);
      });
      return { name, sizeBytes, checksum };
    },
    abandon: close,
  };
}

/** A block of a part: its bytes are overwritten by the next one's, and begin at a multiple of 8. */
export type PartBlock = { readonly kind: number; readonly bytes: Uint8Array<ArrayBuffer> };

/** Reads the blocks of a part in order, as long as `take` asks for more; gives what is wrong with it, null when nothing. */
export function readPart(
  part: { readonly dir: string; readonly entry: PartEntry; readonly disk?: Disk },
  take: (block: PartBlock) => 'more' | 'enough',
): PartDamage | null {
  const { dir, entry, disk = realDisk } = part;
  const file = join(dir, entry.name);
  const fd = openIfAny(disk, file);
  if (fd === null) return { file, why: 'the file is missing' };
  try {
    const why = withPath(file, () => readBlocks({ disk, fd, entry }, take));
    return why === null ? null : { file, why };
  } finally {
    disk.close(fd);
  }
}

/** Removes the parts that no checkpoint names, those of offsets after `untilOffset` excepted. */
export function removeParts(parts: {
  readonly dir: string;
  readonly named: ReadonlySet<string>;
  readonly untilOffset: number;
  readonly disk: Disk;
}): void {
  const { dir, named, untilOffset, disk } = parts;
  for (const { name } of withPath(dir, () => disk.list(dir))) {
    const offset = partName.exec(name)?.[1];
    if (offset === undefined || named.has(name) || Number(offset) > untilOffset) continue;
    removeIfAny(disk, join(dir, name));
  }
}

type OpenPart = { readonly disk: Disk; readonly fd: number; readonly entry: PartEntry };

function readBlocks({ disk, fd, entry }: OpenPart, take: (block: PartBlock) => 'more' | 'enough'): string | null {
  const sizeBytes = disk.sizeOf(fd);
  if (sizeBytes !== entry.sizeBytes) return `got ${sizeBytes} bytes, expected ${entry.sizeBytes}`;
  const head = Buffer.alloc(headBytes);
  if (!readFully(disk, fd, { bytes: head.subarray(0, 8), position: 0 }) || !head.subarray(0, 8).equals(magic)) {
    return 'the file does not start as a part does';
  }
  let room = new Uint8Array(0);
  let checksum = 0;
  for (let position = magic.length; position < sizeBytes;) {
    if (!readFully(disk, fd, { bytes: head, position })) return `got a part that ends within a block at ${position}`;
    const length = head.readUInt32LE(4);
    if (length > blockBytesMax || position + headBytes + length > sizeBytes) return `got no block at ${position}`;
    if (room.length < length) room = new Uint8Array(Math.max(length, room.length * 2));
    const bytes = room.subarray(0, length);
    if (!readFully(disk, fd, { bytes, position: position + headBytes })) return `got a part that ends at ${position}`;
    if (crc32(bytes, crc32(head.subarray(0, 8))) !== head.readUInt32LE(8)) {
      return `the checksum of the block at ${position} does not match`;
    }
    checksum = crc32(head.subarray(8), checksum);
    if (take({ kind: head.readUInt32LE(0), bytes }) === 'enough') return null;
    position += headBytes + length;
  }
  return checksum === entry.checksum ? null : 'the checksum of the part does not match';
}

function readFully(
  disk: Disk,
  fd: number,
  { bytes, position }: { readonly bytes: Uint8Array; readonly position: number },
): boolean {
  for (let read = 0; read < bytes.length;) {
    const got = disk.read(fd, bytes, read, position + read);
    if (got === 0) return false;
    read += got;
  }
  return true;
}

function openIfAny(disk: Disk, path: string): number | null {
  try {
    return disk.open(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    return withPath(path, () => {
      throw error;
    });
  }
}
