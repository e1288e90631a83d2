import { hash } from 'node:crypto';
import { writeHex } from './hex-bytes.ts';

/**
 * The chain of the ledger: a SHA-256 over every `blockEntries` entries in the order of posting, each one over the hash
 * before it as well. What a block's hash is made of:
 *
 *     at  bytes  what
 *      0     32  the previous block's hash; zeros before the first block
 *     32      8  the sequence number of the first entry, a big-endian integer
 *     40      -  the canonical bytes of the entries, one after the other (`entryBytes`)
 */
export type ChainBlock = {
  /** Number of the block, from 0. */
  readonly block: number;
  /** The sequence number of its first entry. */
  readonly firstSequence: number;
  readonly entries: number;
  /** The hash of the block before, in 64 hexadecimal characters. */
  readonly previousHash: string;
  readonly hash: string;
};

/** The entries that are not in a full block yet, and the bytes that their block's hash will be made of. */
export type OpenBlock = {
  firstSequence: number;
  entries: number;
  previousHash: string;
  /** `bytes[0, usedBytes)` is filled. */
  bytes: Uint8Array;
  usedBytes: number;
};

/** How many entries a block has. */
export const blockEntries = 1024;

/** What stands in for the previous hash of the first block. */
export const genesisHash = '0'.repeat(64);

const headBytes = 40;
const bytesMin = 4096;

/** The first block, without entries. */
export function createOpenBlock(): OpenBlock {
  const start = { firstSequence: 0, previousHash: genesisHash };
  const block = { ...start, entries: 0, bytes: new Uint8Array(bytesMin), usedBytes: headBytes };
  writeHead(block);
  return block;
}

/** Makes room for an entry of at most `sizeBytes`; `bytes` is another array then. A block never passes two megabytes. */
export function reserveBytes(block: OpenBlock, sizeBytes: number): void {
  const neededBytes = block.usedBytes + sizeBytes;
  if (neededBytes <= block.bytes.length) return;
  const grown = new Uint8Array(Math.max(neededBytes, block.bytes.length * 2));
  grown.set(block.bytes.subarray(0, block.usedBytes));
  block.bytes = grown;
}

/** Counts the entry whose bytes end at `usedBytes`; the block that it fills, and null where there is still room. */
export function countInBlock(block: OpenBlock, usedBytes: number): ChainBlock | null {
  block.usedBytes = usedBytes;
  block.entries += 1;
  return block.entries === blockEntries ? closeBlock(block) : null;
}

/** The block as a checkpoint holds it: no bytes beyond the filled ones. */
export function packBlock(block: OpenBlock): OpenBlock {
  return { ...block, bytes: block.bytes.slice(0, block.usedBytes) };
}

/** Hashes the block and opens the next one. */
function closeBlock(block: OpenBlock): ChainBlock {
  const { firstSequence, entries, previousHash } = block;
  const closed = {
    block: firstSequence / blockEntries,
    firstSequence,
    entries,
    previousHash,
    hash: hash('sha256', block.bytes.subarray(0, block.usedBytes), 'hex'),
  };
  openNext(block, { firstSequence: firstSequence + entries, previousHash: closed.hash });
  return closed;
}

/** Empties the block, to start at another entry behind another hash. */
export function openNext(block: OpenBlock, next: Pick<OpenBlock, 'firstSequence' | 'previousHash'>): void {
  block.firstSequence = next.firstSequence;
  block.previousHash = next.previousHash;
  block.entries = 0;
  block.usedBytes = headBytes;
  writeHead(block);
}

function writeHead({ bytes, previousHash, firstSequence }: OpenBlock): void {
  writeHex(bytes, 0, previousHash);
  const view = new DataView(bytes.buffer, bytes.byteOffset, headBytes);
  view.setBigInt64(32, BigInt(firstSequence));
}
