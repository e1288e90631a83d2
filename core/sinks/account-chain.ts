import { hash } from 'node:crypto';
import { entryBytes } from './entry-bytes.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/**
 * The hash of an account's chain after an entry: SHA-256 over the hash before it (64 hexadecimal characters), the entry's
 * number in the account, and its canonical bytes. `genesisHash` stands before the first.
 */
export function extendChain(previousHash: string, entry: LedgerEntry): string {
  return hash(
    'sha256',
    `${previousHash}:${entry.sequence}:${Buffer.from(entryBytes(entry)).toString('base64')}`,
    'hex',
  );
}
