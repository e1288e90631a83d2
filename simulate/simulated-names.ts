import { chance, type RandomStream, wholeBelow } from './random.ts';
import { losePower as losePowerOf, type Loss, type SimulatedFile } from './simulated-files.ts';

/** A directory of a simulated disk: the names that programs see, and those that would survive a loss of power. */
export type SimulatedDirectory = {
  readonly kind: 'directory';
  readonly seen: Map<string, SimulatedNode>;
  readonly durable: Map<string, SimulatedNode>;
};

export type SimulatedNode = SimulatedFile | SimulatedDirectory;

/** The names of a disk. An operation's changes (a rename has two) become durable together, when a directory of them is synced. */
export type SimulatedNames = { readonly root: SimulatedDirectory; pending: Operation[] };

type Operation = readonly {
  readonly directory: SimulatedDirectory;
  readonly name: string;
  readonly node: SimulatedNode | null;
}[];

/** What a loss of power did to names and to files. */
export type PowerLoss = { readonly namesLost: number; readonly files: readonly Loss[] };

export function createNames(): SimulatedNames {
  return { root: createDirectory(), pending: [] };
}

export function createDirectory(): SimulatedDirectory {
  return { kind: 'directory', seen: new Map(), durable: new Map() };
}

/** The node at an absolute path, null when there is none. */
export function nodeAt({ root }: SimulatedNames, path: string): SimulatedNode | null {
  let node: SimulatedNode = root;
  for (const name of path.split('/').filter((part) => part !== '')) {
    const next: SimulatedNode | undefined = node.kind === 'directory' ? node.seen.get(name) : undefined;
    if (next === undefined) return null;
    node = next;
  }
  return node;
}

/** Changes names together; null takes a name away. */
export function changeNames(names: SimulatedNames, operation: Operation): void {
  for (const { directory, name, node } of operation) setName(directory.seen, name, node);
  names.pending.push(operation);
}

/** Makes the names in a directory durable. */
export function syncNames(names: SimulatedNames, directory: SimulatedDirectory): void {
  const touches = (operation: Operation): boolean => operation.some((change) => change.directory === directory);
  for (const operation of names.pending.filter(touches)) makeDurable(operation);
  names.pending = names.pending.filter((operation) => !touches(operation));
}

/** Takes the power away: names that were not synced are all kept, all lost, or each by the dice; so are the bytes of files. */
export function losePower(names: SimulatedNames, random: RandomStream): PowerLoss {
  const keptRate = [0, 0.5, 1][wholeBelow(random, 3)] ?? 0;
  let namesLost = 0;
  for (const operation of names.pending) {
    if (chance(random, keptRate)) makeDurable(operation);
    else namesLost++;
  }
  names.pending = [];
  const files: Loss[] = [];
  restore(names.root, (file) => files.push(losePowerOf(file, random)));
  return { namesLost, files };
}

function restore({ seen, durable }: SimulatedDirectory, visit: (file: SimulatedFile) => void): void {
  seen.clear();
  for (const [name, node] of durable) {
    seen.set(name, node);
    if (node.kind === 'directory') restore(node, visit);
    else visit(node);
  }
}

function makeDurable(operation: Operation): void {
  for (const { directory, name, node } of operation) setName(directory.durable, name, node);
}

function setName(entries: Map<string, SimulatedNode>, name: string, node: SimulatedNode | null): void {
  if (node === null) entries.delete(name);
  else entries.set(name, node);
}
