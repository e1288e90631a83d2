/** What an audit of the ledger can find. */
export type LedgerProblemKind =
  /** A block's hash is not that of its entries and of the block before it: an entry, the order or the hash was changed. */
  | 'hashMismatch'
  /** A block of the chain is missing, repeated or does not follow from the one before it. */
  | 'brokenChain'
  /** The ledger skips one or more sequence numbers: entries were removed, or stand further down. */
  | 'missingEntry'
  /** The ledger has passed this sequence number: the entry was inserted, repeated or moved. */
  | 'misplacedEntry'
  | 'repeatedEntryId'
  /** An entry that no ledger posts: its amount is none, or its id or accounts do not follow from its fields. */
  | 'invalidEntry'
  /** A pending account gave more than it held. */
  | 'overdrawn'
  /** Debits and credits of a currency differ. */
  | 'unbalanced'
  /** The ledger does not end as the checkpoint says: its last entries were removed, added or changed. */
  | 'headMismatch'
  /** The sums over the entries are not those of the checkpoint. */
  | 'totalsMismatch';

/** One thing that is wrong with a ledger, and where. */
export type LedgerProblem = {
  readonly kind: LedgerProblemKind;
  /** Place in the order of posting, from 0: of the entry, or of the first one of a block; null for the whole ledger. */
  readonly position: number | null;
  readonly entryId: string | null;
  /** One sentence that says what came and what was expected. */
  readonly message: string;
};
