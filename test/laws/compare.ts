import type { FeatureRow } from '../../core/features/settle.ts';
import type { Plan } from '../../core/features/plan.ts';
import type { LedgerEntry } from '../../core/sinks/ledger-entry.ts';
import type { Output } from './harness.ts';
import { lateLine, type NaiveResult, type NaiveRow } from '../../simulate/naive/naive.ts';
import type { Vector } from '../../simulate/naive/naive-features.ts';
import { line } from '../../simulate/naive/naive-ledger.ts';

/** Where the shipped engine says something else than the twin, one line each; empty when they agree. */
export function differences(plan: Plan, shipped: Output, twin: NaiveResult): string[] {
  const names = plan.features.map(({ name }) => name);
  return [
    ...lineDifferences('dead letter', shipped.deadLetters.map(deadLetterLine), twin.deadLetters),
    ...lineDifferences('late event', shipped.lateEvents.map(lateLine), twin.lateEvents),
    ...lineDifferences('count', countLines(shipped.counts), countLines(twin.counts)),
    ...decisionDifferences(names, shipped, twin),
    ...lineDifferences('ledger entry', shipped.ledgerEntries.map(entryLine), twin.ledgerEntries),
    ...lineDifferences('ledger total', totalLines(shipped), twin.ledgerTotals),
    ...rowDifferences(names, shipped, twin),
  ];
}

/** Equal, or as near as two ways to add up floats are. */
export function agree(left: number | null | undefined, right: number | null | undefined): boolean {
  if (typeof left !== 'number' || typeof right !== 'number') return left === right;
  return left === right || Math.abs(left - right) <= 1e-9 * Math.max(Math.abs(left), Math.abs(right));
}

function decisionDifferences(names: readonly string[], shipped: Output, twin: NaiveResult): string[] {
  const heads = shipped.decisions.map(
    ({ offset, outcome, watermarkMs, late, tooLate }) =>
      `@${offset} ${tooLate ? 'tooLate' : late ? 'late' : 'onTime'} ${outcome} at ${watermarkMs}`,
  );
  const expected = twin.decisions.map(
    ({ offset, status, outcome, watermarkMs }) => `@${offset} ${status} ${outcome} at ${watermarkMs}`,
  );
  return [
    ...shipped.decisions.flatMap(({ offset, features }, index) =>
      vectorDifferences(names, `decision @${offset}`, [features, twin.decisions[index]?.features ?? []]),
    ),
    ...lineDifferences('decision', heads, expected),
  ];
}

function rowDifferences(names: readonly string[], shipped: Output, twin: NaiveResult): string[] {
  const expected = new Map(twin.rows.map((row) => [row.offset, row]));
  const lines = shipped.featureRows.map(({ identity, revision }) => `@${identity.offset} revision ${revision}`);
  const expectedLines = twin.rows
    .toSorted((left, right) => left.offset - right.offset)
    .map(({ offset, revision }) => `@${offset} revision ${revision}`);
  return [
    ...lineDifferences('row', lines, expectedLines),
    ...shipped.featureRows.flatMap((row) => valueDifferences(names, row, expected.get(row.identity.offset))),
  ];
}

function valueDifferences(names: readonly string[], row: FeatureRow, twin: NaiveRow | undefined): string[] {
  if (twin === undefined) return [];
  const { offset } = row.identity;
  return [
    ...vectorDifferences(names, `row's decision @${offset}`, [row.decision, twin.decision]),
    ...vectorDifferences(names, `settled @${offset}`, [row.settled ?? [], twin.settled ?? []]),
  ];
}

function vectorDifferences(
  names: readonly string[],
  of: string,
  [got, expected]: readonly [got: Vector, expected: Vector],
): string[] {
  if (got.length !== expected.length) return [`${of}: got ${got.length} values, expected ${expected.length}`];
  return names.flatMap((name, index) =>
    agree(got[index], expected[index]) ? [] : [`${of} ${name}: got ${got[index]}, expected ${expected[index]}`],
  );
}

function lineDifferences(of: string, got: readonly string[], expected: readonly string[]): string[] {
  const length = Math.max(got.length, expected.length);
  const place = Array.from({ length }, (_, index) => index).find((index) => got[index] !== expected[index]);
  return place === undefined ? [] : [`${of} ${place}: got ${got[place]}, expected ${expected[place]}`];
}

function deadLetterLine({ topic, refusal, offset }: Output['deadLetters'][number]): string {
  return `${topic} ${refusal.code} @${offset}`;
}

function entryLine(entry: LedgerEntry): string {
  const { kind, unmatched, amountMinor, offset } = entry;
  return line(kind, unmatched ? 'unmatched' : 'matched', { event: entry, amountMinor, offset });
}

function totalLines({ totals }: Output): string[] {
  const sums = Object.entries(totals.currencies).map(([currency, sum]) => {
    const { heldMinor, clearedMinor, reversedMinor, expiredMinor, unmatchedMinor } = sum;
    return `${currency} ${heldMinor} ${clearedMinor} ${reversedMinor} ${expiredMinor} ${unmatchedMinor}`;
  });
  return [...sums, `${totals.openHolds} open, ${totals.waitingReleases} wait`];
}

function countLines(counts: ReadonlyMap<string, number>): string[] {
  return [...counts].map(([name, value]) => `${name} ${value}`).toSorted();
}
