import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { type Disk, realDisk } from './disk.ts';
import { makeDirectory, offsetName, readWhole, removeIfAny, syncDirectory, temporarySuffix } from './durable-file.ts';
import { writeDurably, writeFully } from './durable-file.ts';
import { errnoOf, withPath } from './failure.ts';

/** A consistent cut: the state after every record before `offset`, written by the owner of `epoch`. */
export type Checkpoint = { readonly offset: number; readonly epoch: number; readonly value: unknown };

/** What a load found: the newest checkpoint that verifies, and the newer files that did not. */
export type LoadedCheckpoint = {
  readonly checkpoint: Checkpoint | null;
  readonly skipped: readonly { readonly file: string; readonly why: string }[];
};

// | magic, 8 bytes | u32 format version | u32 zero | f64 offset | f64 epoch | f64 payload bytes | SHA-256 | payload |
// The SHA-256 covers the 40 bytes before it and the payload. Little endian.
const magic = Buffer.from('WEIRCKPT');
const formatVersion = 1;
const hashedHeaderBytes = 40;
const headerBytes = hashedHeaderBytes + 32;
const keptCount = 2;

/**
 * Writes a checkpoint, whole or not at all, and keeps the one before it; files of a later offset belong to a future that
 * was undone and go. The value is plain data. Throws `DISK_FULL`; the checkpoints that exist stay.
 */
export function saveCheckpoint(checkpoint: Checkpoint & { readonly dir: string; readonly disk?: Disk }): void {
  const { dir, offset, epoch, value, disk = realDisk } = checkpoint;
  makeDirectory(disk, dir);
  const payload = serialize(value);
  const header = Buffer.alloc(hashedHeaderBytes);
  magic.copy(header);
  header.writeUInt32LE(formatVersion, 8);
  header.writeDoubleLE(offset, 16);
  header.writeDoubleLE(epoch, 24);
  header.writeDoubleLE(payload.length, 32);
  const digest = digestOf(header, payload);
  const name = fileName(offset);
  writeDurably(disk, join(dir, name), (fd) => {
    for (const bytes of [header, digest, payload]) writeFully(disk, fd, bytes);
  });
  removeSuperseded(disk, dir, name);
}

/**
 * The newest checkpoint of a directory that verifies, durable; damaged ones are passed over and reported. `damageOf` says
 * what is wrong with what a checkpoint names, null when nothing is.
 */
export function loadCheckpoint(from: {
  readonly dir: string;
  readonly disk?: Disk;
  readonly damageOf?: (value: unknown) => { readonly file: string; readonly why: string } | null;
}): LoadedCheckpoint {
  const { dir, disk = realDisk, damageOf: damageOfNamed = () => null } = from;
  const skipped: { file: string; why: string }[] = [];
  for (const file of checkpointFiles(disk, dir).reverse()) {
    const path = join(dir, file);
    const bytes = readWhole(disk, path);
    const why = damageOf(bytes);
    const checkpoint = why === null ? decode(bytes) : null;
    const damage = checkpoint === null ? { file: path, why: why ?? '' } : damageOfNamed(checkpoint.value);
    if (damage === null) {
      // Whoever gave it its name may have ended before that was durable; what follows relies on it.
      syncDirectory(disk, dir);
      return { checkpoint, skipped };
    }
    skipped.push(damage);
  }
  return { checkpoint: null, skipped };
}

/** The checkpoints of a directory that verify, newest first. */
export function keptCheckpoints(dir: string, disk: Disk): Checkpoint[] {
  return checkpointFiles(disk, dir)
    .reverse()
    .map((file) => readWhole(disk, join(dir, file)))
    .filter((bytes) => damageOf(bytes) === null)
    .map(decode);
}

function decode(bytes: Buffer): Checkpoint {
  const value: unknown = deserialize(bytes.subarray(headerBytes));
  return { offset: bytes.readDoubleLE(16), epoch: bytes.readDoubleLE(24), value };
}

/** Why a file is no checkpoint, null when it is one. */
function damageOf(bytes: Buffer): string | null {
  if (bytes.length < headerBytes) return `got ${bytes.length} bytes, expected at least ${headerBytes}`;
  if (!bytes.subarray(0, magic.length).equals(magic)) return 'the file does not start as a checkpoint does';
  const version = bytes.readUInt32LE(8);
  if (version !== formatVersion) return `got format version ${version}, expected ${formatVersion}`;
  const payload = bytes.subarray(headerBytes);
  const expectedBytes = bytes.readDoubleLE(32);
  if (payload.length !== expectedBytes) return `got a payload of ${payload.length} bytes, expected ${expectedBytes}`;
  const digest = digestOf(bytes.subarray(0, hashedHeaderBytes), payload);
  return digest.equals(bytes.subarray(hashedHeaderBytes, headerBytes)) ? null : 'the SHA-256 does not match';
}

function digestOf(header: Buffer, payload: Buffer): Buffer {
  return createHash('sha256').update(header).update(payload).digest();
}

function removeSuperseded(disk: Disk, dir: string, current: string): void {
  const files = checkpointFiles(disk, dir);
  const end = files.indexOf(current) + 1;
  const kept = new Set(files.slice(Math.max(0, end - keptCount), end));
  const left = namesIn(disk, dir).filter((name) => name.startsWith('checkpoint-') && name.endsWith(temporarySuffix));
  for (const name of [...files.filter((file) => !kept.has(file)), ...left]) {
    const path = join(dir, name);
    withPath(path, () => removeIfAny(disk, path));
  }
}

/** Oldest first; none when there is no directory yet. */
function checkpointFiles(disk: Disk, dir: string): string[] {
  try {
    return disk
      .list(dir)
      .map(({ name }) => name)
      .filter((name) => /^checkpoint-\d{16}\.bin$/.test(name))
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    return withPath(dir, () => {
      throw error;
    });
  }
}

function namesIn(disk: Disk, dir: string): string[] {
  return withPath(dir, () => disk.list(dir)).map(({ name }) => name);
}

function fileName(offset: number): string {
  return `checkpoint-${offsetName(offset)}.bin`;
}
