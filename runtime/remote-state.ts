import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { temporarySuffix } from '../adapters/files/durable-file.ts';
import type { ObjectStore } from '../adapters/s3/port.ts';
import { WeirError } from '../core/contract/failure.ts';

// PREFIX/partition-03/
//   state.json                          the epoch of the owner, and which object each file of the directory is
//   files/e5/2/lake/ledger/...parquet   a file as the owner of epoch 5 uploaded it with its second checkpoint
//
// An object is written once, below its owner's epoch, and named by state.json afterwards; state.json is swapped by its tag.
// Whoever takes a partition over swaps in its own epoch first: from then on the tag of the owner before fits nothing.

/** The copy of a partition's directory in an object store, held by one owner at a time. */
export type RemoteState = {
  /** The number of this owner: one more than that of the owner before. */
  readonly epoch: number;
  /** The working copy: of this owner alone. */
  readonly dir: string;
  /**
   * Uploads what has changed in the directory and then swaps it in. The directory must rest: its newest checkpoint is what the
   * next owner begins from. Throws `FENCED` when there is another owner.
   */
  readonly push: () => Promise<void>;
};

const fileSchema = z.strictObject({
  key: z.string(),
  sizeBytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const stateSchema = z.strictObject({
  version: z.literal(1),
  epoch: z.int().min(1),
  /** Tells owners apart that take the same epoch at the same time. */
  owner: z.string(),
  files: z.record(z.string(), fileSchema),
});

type State = z.infer<typeof stateSchema>;
type StoredFile = z.infer<typeof fileSchema>;

const transfersMax = 8;

/**
 * Becomes the owner of a partition's copy and downloads it into a new directory below a root. Throws `FENCED` when
 * another one takes it at the same time, `REMOTE_STATE_CORRUPT` when the copy is not what was uploaded.
 */
export async function openRemoteState(options: {
  readonly store: ObjectStore;
  readonly root: string;
  readonly partition: string;
}): Promise<RemoteState> {
  const { store, root, partition } = options;
  const stateKey = `${partition}/state.json`;
  const found = await store.read(stateKey);
  const before = found === null ? null : parseState(found.bytes, `${store.address}/${stateKey}`);
  const epoch = (before?.epoch ?? 0) + 1;
  const dir = join(root, partition, `e${epoch}`);
  const owner = randomUUID();
  let state: State = { version: 1, epoch, owner, files: before?.files ?? {} };
  let tag = await swapIn({ store, stateKey, state, over: found?.tag ?? null });
  await download({ store, dir, files: state.files });
  let pushes = 0;
  // What is there already need not be uploaded: a file of the same size and time of change is the same.
  const marks = new Map(Object.keys(state.files).map((path) => [path, markOf(join(dir, path))]));
  return {
    epoch,
    dir,
    push: async () => {
      pushes += 1;
      const files: Record<string, StoredFile> = {};
      const fresh: { readonly path: string; readonly mark: string; readonly key: string }[] = [];
      for (const path of filesOf(dir)) {
        const mark = markOf(join(dir, path));
        const known = state.files[path];
        if (known !== undefined && marks.get(path) === mark) files[path] = known;
        else fresh.push({ path, mark, key: `${partition}/files/e${epoch}/${pushes}/${path}` });
      }
      await inTurns(fresh, async ({ path, key }) => {
        const bytes = readFileSync(join(dir, path));
        await store.write(key, bytes);
        files[path] = { key, sizeBytes: bytes.length, sha256: digestOf(bytes) };
      });
      const next: State = { version: 1, epoch, owner, files };
      tag = await swapIn({ store, stateKey, state: next, over: tag });
      for (const { path, mark } of fresh) marks.set(path, mark);
      const kept = new Set(Object.values(files).map(({ key }) => key));
      const gone = Object.values(state.files).filter(({ key }) => !kept.has(key));
      state = next;
      await store.remove(gone.map(({ key }) => key));
    },
  };
}

/** Swaps the state in and gives its tag. Throws `FENCED`. */
async function swapIn(swap: {
  readonly store: ObjectStore;
  readonly stateKey: string;
  readonly state: State;
  readonly over: string | null;
}): Promise<string> {
  const { store, stateKey, state, over } = swap;
  const tag = await store.swap(stateKey, Buffer.from(`${JSON.stringify(state)}\n`), over);
  if (tag !== null) return tag;
  // A retry of a swap whose answer was lost is refused, as it was taken: what is there is ours then.
  const there = await store.read(stateKey);
  if (there !== null && Buffer.from(there.bytes).toString() === `${JSON.stringify(state)}\n`) return there.tag;
  throw new WeirError({
    code: 'FENCED',
    message: `${store.address}/${stateKey}: got another owner's state, expected the one that epoch ${state.epoch} wrote last`,
    fix: 'Nothing is lost: the other owner goes on from what was committed.',
    facts: { epoch: state.epoch },
  });
}

async function download(from: {
  readonly store: ObjectStore;
  readonly dir: string;
  readonly files: State['files'];
}): Promise<void> {
  const { store, dir, files } = from;
  mkdirSync(dir, { recursive: true });
  await inTurns(Object.entries(files), async ([path, { key, sha256 }]) => {
    const found = await store.read(key);
    if (found === null) throw corrupt(`${store.address}/${key}`, 'no object');
    if (digestOf(found.bytes) !== sha256) throw corrupt(`${store.address}/${key}`, 'other bytes');
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), found.bytes);
  });
}

async function inTurns<Item>(items: readonly Item[], run: (item: Item) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += transfersMax) {
    await Promise.all(items.slice(from, from + transfersMax).map(run));
  }
}

/** The journal says what the topic and the state say: it is not needed where both are. Locks are the machine's own. */
const localOnly = /^(journal\/|owner)/;

/** The files of a directory that a next owner needs, but for unfinished ones. */
function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(temporarySuffix))
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .filter((path) => !localOnly.test(path))
    .toSorted();
}

function markOf(path: string): string {
  const { size, mtimeMs, ino } = statSync(path);
  return `${size} ${mtimeMs} ${ino}`;
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function parseState(bytes: Uint8Array, address: string): State {
  const parsed = stateSchema.safeParse(jsonOf(bytes));
  if (parsed.success) return parsed.data;
  throw corrupt(address, `${bytes.length} bytes that are no state`);
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return null;
  }
}

function corrupt(address: string, got: string): WeirError {
  return new WeirError({
    code: 'REMOTE_STATE_CORRUPT',
    message: `${address}: got ${got}, expected what was uploaded`,
    fix: 'Restore the object from an older version, or begin with another prefix.',
    facts: { address },
  });
}
