import { appendEntry } from './chain.ts';
import { blockEntries, createOpenBlock, genesisHash, openNext } from './chain-block.ts';
import type { ChainBlock, OpenBlock } from './chain-block.ts';
import type { CurrencyTotals } from './currency-totals.ts';
import { entryBytes } from './entry-bytes.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import type { LedgerProblem } from './ledger-problem.ts';

/** Where a ledger ends, kept apart from it: the open block and the sums by currency, as a checkpoint has them. */
export type LedgerHead = {
  readonly openBlock: Readonly<OpenBlock>;
  readonly totals: ReadonlyMap<string, Readonly<CurrencyTotals>>;
};

type Report = (problem: LedgerProblem) => void;

/**
 * Follows a ledger along its chain. After a problem it goes on from the entry or the block as it stands, so that one
 * change is told once. A block with a missing, misplaced or unfit entry, told already, cannot be hashed.
 */
export function createChainCheck(chain: readonly ChainBlock[], report: Report) {
  const open = createOpenBlock();
  const byNumber = new Map(chain.map((block) => [block.block, block]));
  let sequence = 0;
  let isWhole = true;
  let blocks = 0;
  let filled: ChainBlock | null = null;
  checkLinks(chain, report);

  function openBlockOf(firstSequence: number): void {
    const block = firstSequence / blockEntries;
    // Where the block before is missing, which is told, the chain goes on from its entries, or from what this one says.
    const made = filled?.block === block - 1 ? filled.hash : byNumber.get(block)?.previousHash;
    const previousHash = block === 0 ? genesisHash : (byNumber.get(block - 1)?.hash ?? made ?? genesisHash);
    openNext(open, { firstSequence, previousHash });
    isWhole = true;
  }

  function append(entry: LedgerEntry): void {
    filled = appendEntry(open, entryBytes(entry)) ?? filled;
    if (open.entries > 0 || filled === null) return;
    blocks += 1;
    const expected = byNumber.get(filled.block);
    if (expected === undefined) report(chainProblem(filled, `got no block ${filled.block}, expected ${filled.hash}`));
    else if (expected.hash !== filled.hash) report(hashProblem(filled, expected));
  }

  return {
    add(entry: LedgerEntry, at: { readonly position: number; readonly isFit: boolean }): void {
      const found = sequenceProblem(entry, { expected: sequence, position: at.position });
      if (found !== null) report(found);
      if (entry.sequence < sequence || !Number.isSafeInteger(entry.sequence)) return;
      const firstSequence = entry.sequence - (entry.sequence % blockEntries);
      if (firstSequence > sequence - (sequence % blockEntries) || entry.sequence % blockEntries === 0) {
        openBlockOf(firstSequence);
      }
      isWhole &&= at.isFit && entry.sequence === open.firstSequence + open.entries;
      sequence = entry.sequence + 1;
      if (isWhole) append(entry);
    },
    /** The entries behind the last full block: null where they are not whole. */
    finish(): { readonly open: OpenBlock | null; readonly blocks: number } {
      if (sequence % blockEntries === 0) openBlockOf(sequence);
      const full = Math.floor(sequence / blockEntries);
      const extra = chain.find(({ block }) => block >= full);
      if (extra !== undefined) report(chainProblem(extra, `got block ${extra.block}, expected ${full} full blocks`));
      return { open: isWhole ? open : null, blocks };
    },
  };
}

/** Compares the end of a ledger and its sums with those that were kept elsewhere. */
export function checkHead(
  found: { readonly open: OpenBlock | null; readonly totals: LedgerHead['totals'] },
  head: LedgerHead,
  report: Report,
): void {
  const end = found.open === null ? 'entries that are not whole' : endText(found.open);
  const expectedEnd = endText(head.openBlock);
  const position = head.openBlock.firstSequence;
  if (end !== expectedEnd) {
    report({ kind: 'headMismatch', position, entryId: null, message: `got ${end}, expected ${expectedEnd}` });
  } else if (found.open !== null && !isSameBytes(found.open, head.openBlock)) {
    const message = `got other entries from ${position} on than the checkpoint, expected the same`;
    report({ kind: 'headMismatch', position, entryId: null, message });
  }
  for (const currency of new Set([...head.totals.keys(), ...found.totals.keys()])) {
    const message = totalsMessage(currency, found.totals.get(currency), head.totals.get(currency));
    if (message !== null) report({ kind: 'totalsMismatch', position: null, entryId: null, message });
  }
}

/** Every block is full and follows the one before it, by its number and by that one's hash. */
function checkLinks(chain: readonly ChainBlock[], report: Report): void {
  let number = 0;
  let previousHash = genesisHash;
  for (const block of chain) {
    const got = `block ${block.block} of ${block.entries} entries from ${block.firstSequence}`;
    const expected = `block ${number} of ${blockEntries} entries from ${number * blockEntries}`;
    if (got !== expected) report(chainProblem(block, `got ${got}, expected ${expected}`));
    else if (block.previousHash !== previousHash) {
      report(chainProblem(block, `got previous hash ${block.previousHash}, expected ${previousHash}`));
    }
    number = block.block + 1;
    previousHash = block.hash;
  }
}

function sequenceProblem(
  { sequence, entryId }: LedgerEntry,
  { expected, position }: { readonly expected: number; readonly position: number },
): LedgerProblem | null {
  if (sequence === expected) return null;
  const kind = sequence > expected ? 'missingEntry' : 'misplacedEntry';
  return { kind, position, entryId, message: `got sequence ${sequence}, expected ${expected}` };
}

function hashProblem({ hash, firstSequence }: ChainBlock, expected: ChainBlock): LedgerProblem {
  const entries = `entries ${firstSequence} to ${firstSequence + blockEntries - 1}`;
  const message = `got ${hash} as the hash of ${entries}, expected ${expected.hash}`;
  return { kind: 'hashMismatch', position: firstSequence, entryId: null, message };
}

function chainProblem({ firstSequence }: ChainBlock, message: string): LedgerProblem {
  return { kind: 'brokenChain', position: firstSequence, entryId: null, message };
}

function endText({ firstSequence, entries, previousHash }: Readonly<OpenBlock>): string {
  return `${firstSequence + entries} entries, the last ${entries} behind the hash ${previousHash}`;
}

function isSameBytes(left: Readonly<OpenBlock>, right: Readonly<OpenBlock>): boolean {
  if (left.usedBytes !== right.usedBytes) return false;
  for (let at = 0; at < left.usedBytes; at++) if (left.bytes[at] !== right.bytes[at]) return false;
  return true;
}

function totalsMessage(
  currency: string,
  found: Readonly<CurrencyTotals> | undefined,
  expected: Readonly<CurrencyTotals> | undefined,
): string | null {
  if (found === undefined || expected === undefined) {
    return `got ${found === undefined ? 'no' : 'some'} entries of ${currency}, expected ${expected === undefined ? 'none' : 'some'}`;
  }
  for (const name of Object.keys(expected) as (keyof CurrencyTotals)[]) {
    if (found[name] !== expected[name]) return `got ${currency} ${name} ${found[name]}, expected ${expected[name]}`;
  }
  return null;
}
