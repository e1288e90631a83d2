import { type RandomStream, wholeBelow } from './random.ts';

/** A file of a simulated disk: what programs see, what would survive a loss of power, and the changes in between. */
export type SimulatedFile = {
  readonly kind: 'file';
  readonly seen: Contents;
  readonly durable: Contents;
  pending: Change[];
};

/** Bytes with room to grow: the first `sizeBytes` of them count. */
type Contents = { bytes: Buffer; sizeBytes: number };

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly sizeBytes: number };

/** What a loss of power did to the changes of a file that were not synced. */
export type Loss = 'nothing' | 'lost' | 'torn' | 'garbage';

export function createFile(): SimulatedFile {
  return { kind: 'file', seen: createContents(), durable: createContents(), pending: [] };
}

/** Writes where the program says; durable only once it is synced. */
export function writeTo(file: SimulatedFile, position: number, bytes: Uint8Array): void {
  change(file, { kind: 'write', position, bytes: Uint8Array.from(bytes) });
}

export function truncateTo(file: SimulatedFile, sizeBytes: number): void {
  change(file, { kind: 'truncate', sizeBytes });
}

/** Reads into `bytes[start, ...)`; how many bytes there were. */
export function readFrom({ seen }: SimulatedFile, bytes: Uint8Array, start: number, position: number): number {
  const end = Math.min(seen.sizeBytes, position + bytes.length - start);
  if (end <= position) return 0;
  bytes.set(seen.bytes.subarray(position, end), start);
  return end - position;
}

export function syncFile(file: SimulatedFile): void {
  for (const pending of file.pending) apply(file.durable, pending);
  file.pending = [];
}

/**
 * Takes the power away: of the changes that were not synced some at the beginning are kept, and the first one that is not may
 * be kept in part, or as bytes that nobody wrote.
 */
export function losePower(file: SimulatedFile, random: RandomStream): Loss {
  const { pending } = file;
  file.pending = [];
  const kept = wholeBelow(random, pending.length + 1);
  for (const whole of pending.slice(0, kept)) apply(file.durable, whole);
  const torn = pending[kept];
  const loss = torn === undefined ? 'nothing' : tear(file.durable, torn, random);
  file.seen.sizeBytes = 0;
  apply(file.seen, { kind: 'write', position: 0, bytes: file.durable.bytes.subarray(0, file.durable.sizeBytes) });
  return loss;
}

function tear(durable: Contents, torn: Change, random: RandomStream): Loss {
  const how = wholeBelow(random, 3);
  if (torn.kind === 'truncate' || how === 0) return 'lost';
  const goodBytes = wholeBelow(random, torn.bytes.length);
  apply(durable, { ...torn, bytes: torn.bytes.subarray(0, goodBytes) });
  if (how === 1) return 'torn';
  const garbage = Uint8Array.from({ length: torn.bytes.length - goodBytes }, () => wholeBelow(random, 256));
  apply(durable, { kind: 'write', position: torn.position + goodBytes, bytes: garbage });
  return 'garbage';
}

function createContents(): Contents {
  return { bytes: Buffer.alloc(0), sizeBytes: 0 };
}

function change(file: SimulatedFile, made: Change): void {
  apply(file.seen, made);
  file.pending.push(made);
}

function apply(contents: Contents, made: Change): void {
  if (made.kind === 'truncate') return resize(contents, made.sizeBytes);
  if (made.bytes.length === 0) return undefined;
  const end = made.position + made.bytes.length;
  if (end > contents.sizeBytes) resize(contents, end);
  contents.bytes.set(made.bytes, made.position);
}

/** New bytes are zeros. */
function resize(contents: Contents, sizeBytes: number): void {
  if (sizeBytes > contents.bytes.length) {
    const grown = Buffer.alloc(Math.max(sizeBytes, contents.bytes.length * 2));
    grown.set(contents.bytes.subarray(0, contents.sizeBytes));
    contents.bytes = grown;
  }
  if (sizeBytes < contents.sizeBytes) contents.bytes.fill(0, sizeBytes, contents.sizeBytes);
  contents.sizeBytes = sizeBytes;
}
