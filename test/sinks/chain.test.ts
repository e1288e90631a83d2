import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { chainEntries } from '../../core/sinks/chain.ts';
import { blockEntries, createOpenBlock, genesisHash } from '../../core/sinks/chain-block.ts';
import { entryBytes } from '../../core/sinks/entry-bytes.ts';
import { openLedger } from './ledger-events.ts';

describe('the bytes of an entry', () => {
  test('are those of its row, field by field', () => {
    const [entry] = openLedger().authorize({ tenantId: 'a/b', merchantId: 'Café/1', eventTimeMs: 2 ** 40 }, 'stepUp');
    if (entry === undefined) throw new Error('got no entry, expected one');
    const text = (value: string): string =>
      `${hexOf(Buffer.byteLength(value), 2)}${Buffer.from(value).toString('hex')}`;
    expect(Buffer.from(entryBytes(entry)).toString('hex')).toBe(
      `01000002${entry.entryId.slice(0, 32)}${hexOf(1000, 8)}${hexOf(2 ** 40, 8)}${hexOf(0, 8)}` +
        `${text('a/b')}${text('acc1')}${text('Café/1')}${text('a1')}${text('EUR')}`,
    );
  });

  test('name the kind, the match and the missing outcome of a release', () => {
    const ledger = openLedger();
    ledger.authorize();
    const entries = [...ledger.clear({ amountMinor: 1001 }), ...ledger.reverse({ eventId: 'r2' })];
    const heads = entries.map((entry) => Buffer.from(entryBytes(entry)).toString('hex').slice(0, 8));
    expect(heads).toEqual(['010100ff', '010101ff', '010201ff']);
  });
});

describe('the chain', () => {
  test('hashes the previous hash, the first sequence number and the bytes of 1024 entries', () => {
    const { entries } = manyEntries(2 * blockEntries);
    let previousHash = genesisHash;
    for (const [block, closed] of chainEntries(createOpenBlock(), entries).entries()) {
      const firstSequence = block * blockEntries;
      const sha = createHash('sha256').update(Buffer.from(`${previousHash}${hexOf(firstSequence, 8)}`, 'hex'));
      for (const entry of entries.slice(firstSequence, firstSequence + blockEntries)) sha.update(entryBytes(entry));
      const hash = sha.digest('hex');
      expect(closed).toEqual({ block, firstSequence, entries: 1024, previousHash, hash });
      previousHash = hash;
    }
    expect(previousHash).not.toBe(genesisHash);
  });

  test('does not depend on how the entries are cut', () => {
    const { entries } = manyEntries(blockEntries + 500);
    const whole = createOpenBlock();
    const blocks = chainEntries(whole, entries);
    expect(blocks).toHaveLength(1);
    for (const size of [1, 7, 1000, blockEntries]) {
      const open = createOpenBlock();
      const cut = entries.flatMap((_, index) =>
        index % size === 0 ? chainEntries(open, entries.slice(index, index + size)) : [],
      );
      expect(cut).toEqual(blocks);
      expect(open).toEqual(whole);
    }
  });

  test('takes no entry but the next one', () => {
    const { entries } = manyEntries(3);
    expect(() => chainEntries(createOpenBlock(), entries.slice(1))).toThrow('got entry 1, expected entry 0');
  });
});

function manyEntries(count: number) {
  const ledger = openLedger();
  const entries = Array.from({ length: count }, (_, index) => ledger.authorize({ eventId: `a${index}` })).flat();
  return { entries };
}

function hexOf(value: number, sizeBytes: number): string {
  return value.toString(16).padStart(sizeBytes * 2, '0');
}
