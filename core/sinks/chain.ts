import type { ChainBlock, OpenBlock } from './chain-block.ts';
import { countInBlock, reserveBytes } from './chain-block.ts';
import { entryBytes } from './entry-bytes.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/**
 * Adds entries to the chain in the order of posting, and gives the blocks that they filled. The blocks do not depend on
 * how the entries are cut into calls. Throws when an entry is not the next one of the ledger.
 */
export function chainEntries(open: OpenBlock, entries: readonly LedgerEntry[]): ChainBlock[] {
  const closed: ChainBlock[] = [];
  for (const entry of entries) {
    const sequence = open.firstSequence + open.entries;
    if (entry.sequence !== sequence) throw new Error(`got entry ${entry.sequence}, expected entry ${sequence}`);
    const filled = appendEntry(open, entryBytes(entry));
    if (filled !== null) closed.push(filled);
  }
  return closed;
}

/** Adds the canonical bytes of the next entry; the block that it fills, or null. */
export function appendEntry(open: OpenBlock, bytes: Uint8Array): ChainBlock | null {
  reserveBytes(open, bytes.length);
  open.bytes.set(bytes, open.usedBytes);
  return countInBlock(open, open.usedBytes + bytes.length);
}
