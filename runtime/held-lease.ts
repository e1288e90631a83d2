import type { Lease, Leases } from '../adapters/dynamodb/leases.ts';
import { WeirError } from '../core/contract/failure.ts';

/** A lease that is ours, as long as nobody has taken it over. */
export type HeldLease = {
  readonly lease: Lease;
  readonly leases: Pick<Leases, 'commit'>;
  /** Shows that we are alive; that it was lost is noted and not thrown. */
  readonly beat: () => Promise<void>;
  /** Throws `FENCED` when it is lost. Asks where the last sign of life is old: we may have been asleep. */
  readonly assertHeld: () => Promise<void>;
  readonly isLost: () => boolean;
};

/** Watches over a lease. `onLost` is told once. */
export function holdLease(options: {
  readonly lease: Lease;
  readonly leases: Leases;
  readonly sessionTimeoutMs: number;
  readonly onLost: () => void;
}): HeldLease {
  const { lease, leases, sessionTimeoutMs, onLost } = options;
  let signMs = performance.now();
  let isLost = false;
  const asOwner = async (work: () => Promise<void>): Promise<void> => {
    try {
      const startMs = performance.now();
      await work();
      signMs = startMs;
    } catch (error) {
      if (!isFenced(error)) throw error;
      if (!isLost) onLost();
      isLost = true;
      throw error;
    }
  };
  const beat = (): Promise<void> => asOwner(() => leases.beat(lease));
  return {
    lease,
    leases: { commit: (_lease, position) => asOwner(() => leases.commit(lease, position)) },
    beat: async () => {
      await beat().catch((error: unknown) => {
        if (!isFenced(error)) throw error;
      });
    },
    assertHeld: async () => {
      if (performance.now() - signMs > sessionTimeoutMs / 2) await beat();
    },
    isLost: () => isLost,
  };
}

function isFenced(error: unknown): boolean {
  return error instanceof WeirError && error.code === 'FENCED';
}
