import { basename, dirname } from 'node:path';
import type { Disk, OpenFlags } from '../adapters/files/disk.ts';
import { canHit, type Fault, type FaultKind, type SystemCall, tally } from './faults.ts';
import { createFile, readFrom, type SimulatedFile, syncFile, truncateTo, writeTo } from './simulated-files.ts';
import { changeNames, createDirectory, nodeAt, syncNames } from './simulated-names.ts';
import type { SimulatedDirectory, SimulatedNames, SimulatedNode } from './simulated-names.ts';

/** Thrown by the disk of a process that has ended: no code of the process runs beyond it to any effect. */
export class ProcessEnded extends Error {
  override readonly name = 'ProcessEnded';
}

/** What a process's disk asks of its machine. */
export type DiskHost = {
  readonly names: SimulatedNames;
  readonly isEnded: () => boolean;
  /** Called for the operation that a fault hits; an ending fault ends the process. */
  readonly onFault: (fault: Fault, call: SystemCall) => void;
  /** Every operation takes time. */
  readonly passMs: (durationMs: number) => void;
  /** Called in an asynchronous operation, which waits for what it gives. */
  readonly pause: () => Promise<void>;
};

type OpenFile = {
  readonly node: SimulatedNode;
  readonly path: string;
  position: number;
  readonly isAppending: boolean;
};
type Call = { readonly call: SystemCall; readonly path: string };

const slowMs = 120_000;
const fullOperations = 3;

/** The disk as one process sees it; faults hit its operations by their number. */
export function mountDisk(host: DiskHost, faults: readonly Fault[]): Disk {
  const run = createGate(host, faults);
  return { ...fileCalls(host, run), ...nameCalls(host.names, run) };
}

type Run = <Result>(of: Call, effect: (fault: FaultKind | null) => Result) => Result;

/** What every operation goes through: it counts them, and a fault that is due hits the operation. */
function createGate(host: DiskHost, faults: readonly Fault[]): Run {
  const armed = [...faults];
  const operations = new Map<SystemCall | 'any', number>();
  let fullFor = 0;

  function faultOf({ call, path }: Call): Fault | null {
    if (host.isEnded()) throw new ProcessEnded('the process has ended');
    for (const counted of [call, 'any'] as const) tally(operations, counted);
    host.passMs(1);
    if (fullFor > 0 && canHit('diskFull', call)) {
      fullFor--;
      throw systemError('ENOSPC', { call, path });
    }
    const index = armed.findIndex(
      ({ kind, fromOperation, of, within }) =>
        canHit(kind, call) &&
        (of === 'any' || of === call) &&
        (within === undefined || path.includes(`/${within}/`)) &&
        (operations.get(of) ?? 0) >= fromOperation,
    );
    return index < 0 ? null : (armed.splice(index, 1)[0] ?? null);
  }

  return (of, effect) => {
    const fault = faultOf(of);
    if (fault === null) return effect(null);
    const { kind } = fault;
    if (kind === 'slow') host.passMs(slowMs);
    if (kind === 'diskFull') fullFor = fullOperations;
    const happens = isBefore(kind) ? null : { result: effect(kind) };
    host.onFault(fault, of.call);
    if (host.isEnded()) throw new ProcessEnded(`${kind} at ${of.call}`);
    if (happens === null || kind === 'lostReply') throw systemError(kind === 'diskFull' ? 'ENOSPC' : 'EIO', of);
    return happens.result;
  };
}

function isBefore(kind: FaultKind): boolean {
  return kind === 'killBefore' || kind === 'powerLossBefore' || kind === 'ioError' || kind === 'diskFull';
}

type FileCalls = Omit<Disk, keyof NameCalls>;

function fileCalls(host: DiskHost, run: Run): FileCalls {
  const files = new Map<number, OpenFile>();
  let nextFd = 3;
  const onFile = <Result>(
    call: SystemCall,
    fd: number,
    effect: (file: OpenFile, fault: FaultKind | null) => Result,
  ): Result => {
    const file = files.get(fd);
    if (file === undefined) throw systemError('EBADF', { call, path: String(fd) });
    return run({ call, path: file.path }, (fault) => effect(file, fault));
  };
  const sync = (fd: number): void =>
    onFile('fsync', fd, ({ node }) => (node.kind === 'file' ? syncFile(node) : syncNames(host.names, node)));
  const syncLater = async (fd: number): Promise<void> => {
    await host.pause();
    sync(fd);
  };
  return {
    open: (path, flags) =>
      run({ call: 'open', path }, () => {
        const node = openNode(host.names, path, flags);
        files.set(nextFd, { node, path, position: 0, isAppending: flags === 'a' });
        return nextFd++;
      }),
    close: (fd) => onFile('close', fd, () => void files.delete(fd)),
    read: (fd, bytes, start, position) =>
      onFile('read', fd, (file, fault) => {
        const end = fault === 'shortRead' ? start + Math.ceil((bytes.length - start) / 2) : bytes.length;
        return readFrom(plainFile(file), bytes.subarray(0, end), start, position);
      }),
    write: (fd, bytes, start, position) =>
      onFile('write', fd, (file, fault) => {
        const end = fault === 'shortWrite' ? start + Math.ceil((bytes.length - start) / 2) : bytes.length;
        return writeAt(file, bytes.subarray(start, end), position);
      }),
    truncate: (fd, sizeBytes) => onFile('ftruncate', fd, (file) => truncateTo(plainFile(file), sizeBytes)),
    sync,
    syncData: sync,
    syncLater,
    syncDataLater: syncLater,
    sizeOf: (fd) => onFile('fstat', fd, ({ node }) => sizeOf(node)),
  };
}

function writeAt(file: OpenFile, bytes: Uint8Array, position: number | null): number {
  const node = plainFile(file);
  const at = position ?? (file.isAppending ? node.seen.sizeBytes : file.position);
  writeTo(node, at, bytes);
  file.position = at + bytes.length;
  return bytes.length;
}

type NameCalls = Pick<
  Disk,
  'sizeOfPath' | 'rename' | 'link' | 'remove' | 'removeDirectory' | 'makeDirectories' | 'list'
>;
function nameCalls(names: SimulatedNames, run: Run): NameCalls {
  const parentOf = (of: Call): SimulatedDirectory => directoryAt(names, { ...of, path: dirname(of.path) });
  return {
    sizeOfPath: (path) => run({ call: 'stat', path }, () => sizeOf(existing(names, { call: 'stat', path }))),
    rename: (from, to) =>
      run({ call: 'rename', path: from }, () => {
        const node = existing(names, { call: 'rename', path: from });
        changeNames(names, [
          { directory: parentOf({ call: 'rename', path: from }), name: basename(from), node: null },
          { directory: parentOf({ call: 'rename', path: to }), name: basename(to), node },
        ]);
      }),
    link: (from, to) =>
      run({ call: 'link', path: to }, () => {
        const node = existing(names, { call: 'link', path: from });
        if (nodeAt(names, to) !== null) throw systemError('EEXIST', { call: 'link', path: to });
        changeNames(names, [{ directory: parentOf({ call: 'link', path: to }), name: basename(to), node }]);
      }),
    remove: (path) =>
      run({ call: 'unlink', path }, () => {
        if (existing(names, { call: 'unlink', path }).kind === 'directory') {
          throw systemError('EISDIR', { call: 'unlink', path });
        }
        changeNames(names, [{ directory: parentOf({ call: 'unlink', path }), name: basename(path), node: null }]);
      }),
    removeDirectory: (path) =>
      run({ call: 'rmdir', path }, () => {
        if (directoryAt(names, { call: 'rmdir', path }).seen.size > 0) {
          throw systemError('ENOTEMPTY', { call: 'rmdir', path });
        }
        changeNames(names, [{ directory: parentOf({ call: 'rmdir', path }), name: basename(path), node: null }]);
      }),
    makeDirectories: (path) => run({ call: 'mkdir', path }, () => makeDirectories(names, path)),
    list: (path) =>
      run({ call: 'scandir', path }, () =>
        [...directoryAt(names, { call: 'scandir', path }).seen].map(([name, { kind }]) => ({
          name,
          isDirectory: kind === 'directory',
        })),
      ),
  };
}

function openNode(names: SimulatedNames, path: string, flags: OpenFlags): SimulatedNode {
  const found = nodeAt(names, path);
  if (flags === 'r' || flags === 'r+') return found ?? existing(names, { call: 'open', path });
  if (found?.kind === 'directory') throw systemError('EISDIR', { call: 'open', path });
  if (found !== null) {
    if (flags === 'w') truncateTo(found, 0);
    return found;
  }
  const node = createFile();
  changeNames(names, [
    { directory: directoryAt(names, { call: 'open', path: dirname(path) }), name: basename(path), node },
  ]);
  return node;
}

function makeDirectories(names: SimulatedNames, path: string): string | undefined {
  const found = nodeAt(names, path);
  if (found?.kind === 'directory') return undefined;
  if (found !== null) throw systemError('EEXIST', { call: 'mkdir', path });
  const firstAbove = makeDirectories(names, dirname(path));
  const directory = directoryAt(names, { call: 'mkdir', path: dirname(path) });
  changeNames(names, [{ directory, name: basename(path), node: createDirectory() }]);
  return firstAbove ?? path;
}

function existing(names: SimulatedNames, of: Call): SimulatedNode {
  const node = nodeAt(names, of.path);
  if (node === null) throw systemError('ENOENT', of);
  return node;
}

function directoryAt(names: SimulatedNames, of: Call): SimulatedDirectory {
  const node = existing(names, of);
  if (node.kind !== 'directory') throw systemError('ENOTDIR', of);
  return node;
}

function plainFile({ node, path }: OpenFile): SimulatedFile {
  if (node.kind === 'directory') throw systemError('EISDIR', { call: 'read', path });
  return node;
}

function sizeOf(node: SimulatedNode): number {
  return node.kind === 'file' ? node.seen.sizeBytes : 0;
}

/** A failure as Node's file system calls throw it. */
function systemError(code: string, { call, path }: Call): Error {
  return Object.assign(new Error(`${code}: simulated, ${call} '${path}'`), { code, syscall: call, path });
}
