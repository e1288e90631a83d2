import type { BackShell } from './back-shell.ts';
import type { FrontShell } from './front-shell.ts';

/** The cut that one thread writes between its batches. */
export type OpenCut = {
  /** Ends the cut before, and begins to write the one that ends here; nothing to do without records since then. */
  readonly begin: () => Promise<void>;
  /** Writes some more of it, between two batches, of which the one before was a share of a full one. */
  readonly goOn: (share?: number) => Promise<void>;
  /** Writes what is left of it: recovery begins there. */
  readonly end: () => Promise<void>;
};

/** Keeps the cuts of both halves in their thread. */
export function createOpenCut({ front, back }: { readonly front: FrontShell; readonly back: BackShell }): OpenCut {
  const halves = [front.parts, back.parts];
  let keeping: Promise<number> | null = null;
  let isKept = false;
  const failures: unknown[] = [];

  // A cut that has failed is not gone on with: what was to be written has been taken from the state already.
  async function unlessFailed(run: () => Promise<void>): Promise<void> {
    if (failures.length > 0) throw failures[0];
    try {
      await run();
    } catch (error) {
      failures.push(error);
      throw error;
    }
  }

  async function end(): Promise<void> {
    if (keeping === null) return;
    for (const parts of halves) parts.slice('all');
    front.noteCommitted(await keeping);
    keeping = null;
  }

  async function begin(): Promise<void> {
    await end();
    if (back.isCutEmpty()) return;
    isKept = false;
    keeping = back.endCut();
    // Whoever awaits it next hears of a failure.
    keeping
      .catch(() => undefined)
      .finally(() => {
        isKept = true;
      });
    front.beginCut();
  }

  async function goOn(share: number): Promise<void> {
    if (keeping === null) return;
    for (const parts of halves) parts.slice('some', share);
    // Batches do not wait for the files of the lake and their syncs.
    if (isKept) await end();
  }

  return {
    begin: () => unlessFailed(begin),
    goOn: (share = 1) => (keeping === null ? Promise.resolve() : unlessFailed(() => goOn(share))),
    end: () => unlessFailed(end),
  };
}
