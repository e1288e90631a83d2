import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { makeDirectory, offsetName, temporarySuffix, writeDurably, writeFully } from './durable-file.ts';
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
export function saveCheckpoint({ dir, offset, epoch, value }: Checkpoint & { readonly dir: string }): void {
  makeDirectory(dir);
  const payload = serialize(value);
  const header = Buffer.alloc(hashedHeaderBytes);
  magic.copy(header);
  header.writeUInt32LE(formatVersion, 8);
  header.writeDoubleLE(offset, 16);
  header.writeDoubleLE(epoch, 24);
  header.writeDoubleLE(payload.length, 32);
  const digest = digestOf(header, payload);
  const name = fileName(offset);
  writeDurably(join(dir, name), (fd) => {
    writeFully(fd, header);
    writeFully(fd, digest);
    writeFully(fd, payload);
  });
  removeSuperseded(dir, name);
}

/** The newest checkpoint of a directory that verifies; damaged ones are passed over and reported. */
export function loadCheckpoint({ dir }: { dir: string }): LoadedCheckpoint {
  const skipped: { file: string; why: string }[] = [];
  for (const file of checkpointFiles(dir).reverse()) {
    const path = join(dir, file);
    const bytes = withPath(path, () => readFileSync(path));
    const why = damageOf(bytes);
    if (why === null) return { checkpoint: decode(bytes), skipped };
    skipped.push({ file: path, why });
  }
  return { checkpoint: null, skipped };
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

function removeSuperseded(dir: string, current: string): void {
  const files = checkpointFiles(dir);
  const end = files.indexOf(current) + 1;
  const kept = new Set(files.slice(Math.max(0, end - keptCount), end));
  const left = readdirSync(dir).filter((name) => name.startsWith('checkpoint-') && name.endsWith(temporarySuffix));
  for (const name of [...files.filter((file) => !kept.has(file)), ...left]) {
    const path = join(dir, name);
    withPath(path, () => rmSync(path, { force: true }));
  }
}

/** Oldest first; none when there is no directory yet. */
function checkpointFiles(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => /^checkpoint-\d{16}\.bin$/.test(name))
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    return withPath(dir, () => {
      throw error;
    });
  }
}

function fileName(offset: number): string {
  return `checkpoint-${offsetName(offset)}.bin`;
}
