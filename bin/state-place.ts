import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectStore } from '../adapters/s3/port.ts';
import { WeirError } from '../core/contract/failure.ts';

/** Where the state of partitions is: a folder, or an object store and a folder for working copies, which goes with it. */
export type StatePlace = AsyncDisposable & { readonly dir: string; readonly store: ObjectStore | undefined };

/** Opens what `--state` names. Throws `USAGE` for several topics over an object store. */
export async function openStatePlace(state: string, topics: readonly string[]): Promise<StatePlace> {
  if (!state.startsWith('s3://')) return { dir: state, store: undefined, [Symbol.asyncDispose]: async () => {} };
  if (topics.length > 1) {
    throw new WeirError({
      code: 'USAGE',
      message: `got ${topics.length} topics with --state ${state}, expected one: the order of several is in the log alone`,
      fix: 'Give a folder that all members reach as --state, or one topic.',
      facts: { topics: topics.length },
    });
  }
  // Its library takes a moment to load, which no other run waits for.
  const { openObjectStore } = await import('../adapters/s3/store.ts');
  const store = openObjectStore(state);
  const dir = mkdtempSync(join(tmpdir(), 'weir-state-'));
  return {
    dir,
    store,
    [Symbol.asyncDispose]: async () => {
      store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Values of other owners are read once and noted in the journal, which a lost disk takes along. Throws `USAGE`. */
export function assertReplayable(foreignKeys: number, state: string): void {
  if (foreignKeys === 0) return;
  throw new WeirError({
    code: 'USAGE',
    message: `got features by keys that are spread over the partitions with --state ${state}, expected keys that lie in one`,
    fix: 'Give a folder that all members reach as --state.',
    facts: { foreignKeys },
  });
}
