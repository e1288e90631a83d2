import { linkSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { WeirError } from '../../core/contract/failure.ts';
import { makeDirectory, offsetName, readTextIfAny, temporarySuffix, writeDurably, writeFully } from './durable-file.ts';
import { errnoOf, withPath } from './failure.ts';
import { isLive, processStartTimeMs } from './process-liveness.ts';

/** The hold of this process on an output directory. */
export type Owner = {
  /** The owner's number: one more than that of every owner before. */
  readonly epoch: number;
  /** Call before each commit. Throws `FENCED` when another owner has taken over. */
  readonly assertOwner: () => void;
  /** Lets the next owner in; the epoch stays taken. */
  readonly release: () => void;
};

/** What `owner.json` says. A released directory has pid 0. */
export type OwnerRecord = {
  readonly pid: number;
  readonly host: string;
  readonly epoch: number;
  /** When the process started, milliseconds UTC: a later process may get the same pid. Null where the system does not say. */
  readonly startTimeMs: number | null;
};

/**
 * Makes this process the one owner of a directory, and takes over from an owner that is dead. Throws `OWNER_ACTIVE` with
 * the pid when one is alive (an owner on another host counts as alive).
 *
 * `owner.json` is the truth. A taker first claims the next epoch by linking a file of that name, which one taker alone can
 * do, then looks at `owner.json` again, then replaces it. A claim outlives its taker, so no epoch is given twice.
 */
export function acquireOwner(dir: string): Owner {
  makeDirectory(dir);
  for (;;) {
    const current = readOwner(ownerPath(dir));
    if (current !== null && isLive(current)) throw active(dir, current);
    const record = claim(dir, current?.epoch ?? 0);
    if ((readOwner(ownerPath(dir))?.epoch ?? 0) >= record.epoch) {
      rmSync(claimPath(dir, record.epoch), { force: true });
      continue;
    }
    take(dir, record);
    return ownerOf(dir, record);
  }
}

/** The hold of another thread of this process, by its epoch. Throws `FENCED` when the directory has another owner. */
export function ownerOfEpoch(dir: string, epoch: number): Pick<Owner, 'epoch' | 'assertOwner'> {
  const record = { pid: process.pid, host: hostname(), epoch, startTimeMs: null };
  const owner = ownerOf(dir, record);
  owner.assertOwner();
  return owner;
}

function take(dir: string, record: OwnerRecord): void {
  try {
    writeOwner(dir, record);
    removeClaimsBelow(dir, record.epoch);
  } catch (error) {
    rmSync(claimPath(dir, record.epoch), { force: true });
    throw error;
  }
}

function ownerOf(dir: string, record: OwnerRecord): Owner {
  const assertOwner = (): void => {
    const current = readOwner(ownerPath(dir));
    if (current === null || !isSame(current, record)) throw fenced(dir, record, current);
  };
  const release = (): void => {
    const current = readOwner(ownerPath(dir));
    if (current !== null && isSame(current, record)) writeOwner(dir, { ...record, pid: 0 });
  };
  return { epoch: record.epoch, assertOwner, release };
}

function isSame(a: OwnerRecord, b: OwnerRecord): boolean {
  return a.epoch === b.epoch && a.pid === b.pid && a.host === b.host;
}

/** Claims the first epoch after `epoch` that nobody has; a claim of a dead taker is passed over, a live taker has won. */
function claim(dir: string, epoch: number): OwnerRecord {
  const temporaryPath = join(dir, `owner-${hostname()}-${process.pid}${temporarySuffix}`);
  for (let next = epoch + 1; ; next++) {
    const record = { pid: process.pid, host: hostname(), epoch: next, startTimeMs: processStartTimeMs(process.pid) };
    try {
      writeFileSync(temporaryPath, JSON.stringify(record));
      linkSync(temporaryPath, claimPath(dir, next));
      return record;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') {
        withPath(temporaryPath, () => {
          throw error;
        });
      }
    } finally {
      rmSync(temporaryPath, { force: true });
    }
    const rival = parseOwner(readTextIfAny(claimPath(dir, next)) ?? '');
    // A taker on another host cannot be asked; it has the time of one rename, and assertOwner judges the two.
    if (rival !== null && rival.host === hostname() && isLive(rival)) throw active(dir, rival);
  }
}

function writeOwner(dir: string, record: OwnerRecord): void {
  writeDurably(ownerPath(dir), (fd) => writeFully(fd, Buffer.from(`${JSON.stringify(record)}\n`)));
}

function removeClaimsBelow(dir: string, epoch: number): void {
  for (const name of readdirSync(dir)) {
    if (/^owner-\d{16}\.claim$/.test(name) && name < `owner-${offsetName(epoch)}.claim`)
      rmSync(join(dir, name), { force: true });
  }
}

/** Null when there is no file; a damaged one throws `OWNER_UNREADABLE`. */
function readOwner(path: string): OwnerRecord | null {
  const text = readTextIfAny(path);
  if (text === null) return null;
  const record = parseOwner(text);
  if (record !== null) return record;
  throw new WeirError({
    code: 'OWNER_UNREADABLE',
    message: `${path}: expected an owner's pid, host and epoch`,
    fix: `Make sure that no other process uses the directory, then delete ${path}.`,
    facts: { path },
  });
}

function parseOwner(text: string): OwnerRecord | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof json !== 'object' || json === null || !('pid' in json && 'host' in json && 'epoch' in json)) return null;
  const { pid, host, epoch } = json;
  const startTimeMs = 'startTimeMs' in json && typeof json.startTimeMs === 'number' ? json.startTimeMs : null;
  if (typeof pid !== 'number' || typeof host !== 'string' || typeof epoch !== 'number') return null;
  return { pid, host, epoch, startTimeMs };
}

function active(dir: string, { pid, host, epoch }: OwnerRecord): WeirError {
  const here = host === hostname();
  return new WeirError({
    code: 'OWNER_ACTIVE',
    message: `${dir}: process ${pid}${here ? '' : ` on host ${host}`} owns the directory (epoch ${epoch})`,
    fix: here
      ? `Stop process ${pid}, or choose another directory.`
      : `Make sure that ${host} no longer uses the directory, then delete ${ownerPath(dir)}.`,
    facts: { dir, pid, host, epoch },
  });
}

function fenced(dir: string, own: OwnerRecord, current: OwnerRecord | null): WeirError {
  return new WeirError({
    code: 'FENCED',
    message: `${dir}: got epoch ${current?.epoch ?? 'none'} of process ${current?.pid ?? 'none'}, expected our epoch ${own.epoch}`,
    fix: 'Stop this process: another one has taken over and nothing of this one is committed any more.',
    facts: { dir, ownEpoch: own.epoch, epoch: current?.epoch ?? null, pid: current?.pid ?? null },
  });
}

function ownerPath(dir: string): string {
  return join(dir, 'owner.json');
}

function claimPath(dir: string, epoch: number): string {
  return join(dir, `owner-${offsetName(epoch)}.claim`);
}
