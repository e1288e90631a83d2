import type { WeirState } from './state.ts';

/** All that the pipeline remembers of one account. */
export type KeyedState = {
  /** The watermarks are those of the partition, shared with its other accounts. */
  readonly state: WeirState;
  /** Of the account's last ledger entry; `genesisHash` before the first. */
  chainHash: string;
  /** Of the last record that was accepted; -1 before the first. */
  appliedOffset: number;
};
