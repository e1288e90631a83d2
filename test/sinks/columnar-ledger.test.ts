import { deserialize, serialize } from 'node:v8';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createInterner, type Interner } from '../../core/decode/interner.ts';
import { chainEntries } from '../../core/sinks/chain.ts';
import type { ChainBlock } from '../../core/sinks/chain-block.ts';
import { packBlock } from '../../core/sinks/chain-block.ts';
import { createLedgerState } from '../../core/sinks/ledger-state.ts';
import { ledgerTotals } from '../../core/sinks/ledger-totals.ts';
import {
  columnarLedgerTotals,
  createColumnarLedger,
  ledgerLayout,
  restOfLedger,
  type ColumnarLedger,
  type ColumnarLedgerRest,
} from '../../core/sinks/columnar-ledger-state.ts';
import { advanceLedgerTime } from '../../core/sinks/columnar-ledger.ts';
import { runColumnarBatch, type ColumnarOutput } from './columnar-steps.ts';
import { authorizationEvent, releaseEvent, runStep, type LedgerStep } from './ledger-events.ts';
import { KeptPages } from '../engine/kept-pages.ts';
import { ledgerStepsArbitrary, longLedgerSteps, smallLedgerConfig } from './ledger-steps.ts';

describe('the columnar ledger', () => {
  test('posts what the twin posts, in any batches and through any checkpoint', () => {
    const seen = new Map<string, number>();
    const count = (name: string) => seen.set(name, (seen.get(name) ?? 0) + 1);
    fc.assert(
      fc.property(ledgerStepsArbitrary, batchSizesArbitrary, (steps, sizes) => {
        const twin = runTwin(steps);
        const columnar = runColumnar(steps, sizes);
        expect(columnar).toEqual(twin);
        for (const { kind, unmatched } of twin.entries) count(unmatched ? `unmatched ${kind}` : kind);
        for (const { kind } of twin.expiredWaits) count(`late ${kind}`);
      }),
      { numRuns: 200 },
    );
    expect([...seen.keys()].toSorted()).toEqual([
      'authorization',
      'clearing',
      'expiry',
      'late clearing',
      'late reversal',
      'reversal',
      'unmatched clearing',
      'unmatched reversal',
    ]);
    expect(Math.min(...seen.values())).toBeGreaterThan(20);
  });

  test('fills the same blocks of the chain as the twin over a long log', () => {
    const steps = longLedgerSteps({ seed: 1, count: 7000 });
    const twin = runTwin(steps);
    expect(twin.chainBlocks.length).toBeGreaterThan(3);
    for (const sizes of [[101], [1, 4096]]) expect(runColumnar(steps, sizes)).toEqual(twin);
  });

  test('posts more entries at once than a segment takes', () => {
    const steps = authorizations(10_000);
    const end: LedgerStep = { kind: 'advance', watermarkMs: Infinity };
    expect(runColumnar([...steps, end], [5000])).toEqual(runTwin([...steps, end]));
  });

  test('keeps ids of any length and alphabet', () => {
    const ids = [
      'a',
      'é'.repeat(8),
      'a'.repeat(17),
      '語'.repeat(20),
      'a'.repeat(128),
      '語'.repeat(128),
      '😀'.repeat(64),
    ];
    const steps = ids.flatMap((eventId, index): LedgerStep[] => [
      {
        kind: 'authorize',
        event: authorizationEvent({ eventId, accountId: eventId }),
        outcome: 'approve',
        offset: index,
      },
      { kind: 'clear', event: releaseEvent({ authorizationId: eventId, accountId: eventId }), offset: 100 + index },
    ]);
    const twin = runTwin(steps);
    expect(twin.entries.map((entry) => entry.authorizationId)).toEqual(ids.flatMap((id) => [id, id]));
    expect(runColumnar(steps, [])).toEqual(twin);
  });

  test('sums exactly beyond 2^53', () => {
    const amountMinor = Number.MAX_SAFE_INTEGER;
    const steps = [1, 2, 3].map((offset): LedgerStep => {
      const event = authorizationEvent({ eventId: `a${offset}`, amountMinor: offset === 3 ? 7 : amountMinor });
      return { kind: 'authorize', event, outcome: 'approve', offset };
    });
    const { totals } = runColumnar(steps, [1]);
    expect(totals.currencies['EUR']?.heldMinor).toBe(18_014_398_509_481_989n);
    expect(totals).toEqual(runTwin(steps).totals);
  });

  test('reuses the memory of what it has forgotten', () => {
    const ledger = openColumnar();
    for (let round = 0; round < 5; round++) {
      const steps = authorizations(3000, `round${round}-`);
      runColumnarBatch(ledger, [...steps, { kind: 'advance', watermarkMs: 1000 + 18 }]);
    }
    expect(ledger.holds.segments).toHaveLength(1);
    expect(ledger.index.size).toBe(0);
  });

  test('refuses an authorization the second time', () => {
    const ledger = openColumnar();
    const steps = authorizations(1);
    runColumnarBatch(ledger, steps);
    expect(() => runColumnarBatch(ledger, steps)).toThrow('got authorization a0 again, expected each one once');
  });

  test('does not lose entries to a checkpoint: they are taken first', () => {
    const ledger = openColumnar();
    runColumnarBatch(ledger, authorizations(2));
    advanceLedgerTime(ledger, Infinity);
    expect(() => restOfLedger(ledger)).toThrow('got 2 entries that were not taken, expected none');
  });

  test('needs its fields in the layout', () => {
    expect(() => createColumnarLedger({}, { interner: createInterner(), layout: { numbers: [], texts: [] } })).toThrow(
      'expected one with those of the ledger',
    );
  });
});

const batchSizesArbitrary = fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 6 });

type Run = ColumnarOutput & { readonly totals: ReturnType<typeof ledgerTotals>; readonly openBlock: unknown };

function runTwin(steps: readonly LedgerStep[]): Run {
  const state = createLedgerState(smallLedgerConfig);
  const outputs = steps.map((step) => runStep(state, step));
  const entries = outputs.flatMap((output) => output.entries);
  const chainBlocks = chainEntries(state.openBlock, entries);
  const expiredWaits = outputs.flatMap((output) => output.expiredWaits);
  return { entries, expiredWaits, chainBlocks, totals: ledgerTotals(state), openBlock: packBlock(state.openBlock) };
}

/** Runs batches of these sizes in turn, and goes through a checkpoint now and then, which is copied while batches go on. */
function runColumnar(steps: readonly LedgerStep[], sizes: readonly number[]): Run {
  const entries: ColumnarOutput['entries'][number][] = [];
  const expiredWaits: ColumnarOutput['expiredWaits'][number][] = [];
  const chainBlocks: ChainBlock[] = [];
  const kept = new KeptPages();
  let ledger = openColumnar();
  for (let start = 0, batch = 0; start < steps.length; batch++) {
    const size = sizes[batch % Math.max(1, sizes.length)] ?? steps.length;
    const output = runColumnarBatch(ledger, steps.slice(start, start + size));
    entries.push(...output.entries);
    expiredWaits.push(...output.expiredWaits);
    chainBlocks.push(...output.chainBlocks);
    if (batch % 16 === 3) kept.begin(ledger.holds.pages.book, 'changed');
    if (batch % 16 === 5) ledger = restart(ledger, ledger.interner, kept);
    start += size;
  }
  const { openBlock, totals: sums } = restOfLedger(ledger);
  const totals = columnarLedgerTotals(ledger);
  expect([...sums.keys()].toSorted()).toEqual(Object.keys(totals.currencies));
  return { entries, expiredWaits, chainBlocks, totals, openBlock };
}

function openColumnar(): ColumnarLedger {
  return createColumnarLedger(smallLedgerConfig, { interner: createInterner(), layout: ledgerLayout });
}

function restart(ledger: ColumnarLedger, interner: Interner, kept = new KeptPages()): ColumnarLedger {
  kept.begin(ledger.holds.pages.book, 'changed');
  kept.finish();
  const rest: ColumnarLedgerRest = deserialize(serialize(restOfLedger(ledger)));
  return createColumnarLedger(smallLedgerConfig, { interner, layout: ledgerLayout }, { book: kept.restore(), rest });
}

function authorizations(count: number, prefix = 'a'): LedgerStep[] {
  return Array.from({ length: count }, (_, offset) => ({
    kind: 'authorize',
    event: authorizationEvent({ eventId: `${prefix}${offset}`, eventTimeMs: 1000 - (offset % 5) }),
    outcome: 'approve',
    offset,
  }));
}
