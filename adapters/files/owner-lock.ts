import { join } from 'node:path';
import { WeirError } from '../../core/contract/failure.ts';
import { type Disk, realDisk } from './disk.ts';
import { makeDirectory, offsetName, readTextIfAny, removeIfAny, temporarySuffix } from './durable-file.ts';
import { writeDurably, writeFully } from './durable-file.ts';
import { errnoOf, withPath } from './failure.ts';
import { type ProcessMark, type Processes, realProcesses } from './process-liveness.ts';

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
export type OwnerRecord = ProcessMark & { readonly epoch: number };

/** Where a directory is, and among which processes its owners are. */
export type OwnerOptions = { readonly disk?: Disk; readonly processes?: Processes };

type Place = { readonly dir: string; readonly disk: Disk; readonly processes: Processes };

/**
 * Makes this process the one owner of a directory, and takes over from an owner that is dead. Throws `OWNER_ACTIVE` with
 * the pid when one is alive (an owner on another host counts as alive).
 *
 * `owner.json` is the truth. A taker first claims the next epoch by linking a file of that name, which one taker alone can
 * do, then looks at `owner.json` again, then replaces it. A claim outlives its taker, so no epoch is given twice.
 */
export function acquireOwner(dir: string, { disk = realDisk, processes = realProcesses }: OwnerOptions = {}): Owner {
  const place = { dir, disk, processes };
  makeDirectory(disk, dir);
  const record = withPath(dir, () => takeOver(place));
  return ownerOf(place, record);
}

function takeOver(place: Place): OwnerRecord {
  for (;;) {
    const current = readOwner(place);
    if (current !== null && place.processes.isLive(current)) throw active(place, current);
    const record = claim(place, current?.epoch ?? 0);
    if ((readOwner(place)?.epoch ?? 0) < record.epoch) {
      take(place, record);
      return record;
    }
    removeIfAny(place.disk, claimPath(place.dir, record.epoch));
  }
}

/** The hold of another thread of this process, by its epoch. Throws `FENCED` when the directory has another owner. */
export function ownerOfEpoch(dir: string, epoch: number): Pick<Owner, 'epoch' | 'assertOwner'> {
  const owner = ownerOf({ dir, disk: realDisk, processes: realProcesses }, { ...realProcesses.self(), epoch });
  owner.assertOwner();
  return owner;
}

function take(place: Place, record: OwnerRecord): void {
  try {
    writeOwner(place, record);
    removeClaimsBelow(place, record.epoch);
  } catch (error) {
    removeIfAny(place.disk, claimPath(place.dir, record.epoch));
    throw error;
  }
}

function ownerOf(place: Place, record: OwnerRecord): Owner {
  const assertOwner = (): void => {
    const current = readOwner(place);
    if (current === null || !isSame(current, record)) throw fenced(place.dir, record, current);
  };
  const release = (): void => {
    const current = readOwner(place);
    if (current !== null && isSame(current, record)) writeOwner(place, { ...record, pid: 0 });
  };
  return { epoch: record.epoch, assertOwner, release };
}

function isSame(a: OwnerRecord, b: OwnerRecord): boolean {
  return a.epoch === b.epoch && a.pid === b.pid && a.host === b.host;
}

/** Claims the first epoch after `epoch` that nobody has; a claim of a dead taker is passed over, a live taker has won. */
function claim({ dir, disk, processes }: Place, epoch: number): OwnerRecord {
  const self = processes.self();
  const temporaryPath = join(dir, `owner-${self.host}-${self.pid}${temporarySuffix}`);
  for (let next = epoch + 1; ; next++) {
    const record = { ...self, epoch: next };
    try {
      writeClaim(disk, temporaryPath, record);
      disk.link(temporaryPath, claimPath(dir, next));
      return record;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') {
        withPath(temporaryPath, () => {
          throw error;
        });
      }
    } finally {
      removeIfAny(disk, temporaryPath);
    }
    const rival = parseOwner(readTextIfAny(disk, claimPath(dir, next)) ?? '');
    // A taker on another host cannot be asked; it has the time of one rename, and assertOwner judges the two.
    if (rival !== null && rival.host === self.host && processes.isLive(rival)) {
      throw active({ dir, disk, processes }, rival);
    }
  }
}

function writeClaim(disk: Disk, path: string, record: OwnerRecord): void {
  const fd = disk.open(path, 'w');
  try {
    writeFully(disk, fd, Buffer.from(JSON.stringify(record)));
  } finally {
    disk.close(fd);
  }
}

function writeOwner({ dir, disk }: Place, record: OwnerRecord): void {
  writeDurably(disk, ownerPath(dir), (fd) => writeFully(disk, fd, Buffer.from(`${JSON.stringify(record)}\n`)));
}

function removeClaimsBelow({ dir, disk }: Place, epoch: number): void {
  for (const { name } of disk.list(dir)) {
    const isOlder = /^owner-\d{16}\.claim$/.test(name) && name < `owner-${offsetName(epoch)}.claim`;
    if (isOlder) removeIfAny(disk, join(dir, name));
  }
}

/** Null when there is no file; a damaged one throws `OWNER_UNREADABLE`. */
function readOwner({ dir, disk }: Place): OwnerRecord | null {
  const path = ownerPath(dir);
  const text = readTextIfAny(disk, path);
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

function active({ dir, processes }: Place, { pid, host, epoch }: OwnerRecord): WeirError {
  const here = host === processes.self().host;
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
