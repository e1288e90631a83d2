import { WeirError } from '../core/contract/failure.ts';

/** What a rebuild is told. */
export type Rebuilding = {
  readonly dir: string;
  /** Called after each batch, and awaited: others may run meanwhile. */
  readonly onProgress?: ((progress: RebuildProgress) => Promise<void>) | undefined;
};

/** The refusal of a rebuild under decisions that are not in the lake yet: they were made with what ran before. */
export function unfinished(dir: string, decided: number): WeirError {
  return new WeirError({
    code: 'RUN_UNFINISHED',
    message: `${dir} has ${decided} decisions since its last checkpoint, expected none before a rebuild`,
    fix: 'Resume it once with what it ran with: a run that ends or is stopped writes a checkpoint. Then rebuild.',
    facts: { dir, decided },
  });
}

/** Records before `offset` are in the state again; the rebuild ends at `untilOffset`. */
export type RebuildProgress = { readonly offset: number; readonly untilOffset: number };
