import { join } from 'node:path';
import { openKeyIndex } from '../adapters/files/key-index.ts';
import type { Decision } from '../core/score/decision.ts';
import type { TableRow } from '../core/sinks/table-schema.ts';
import { createLedgerAuditor } from '../core/sinks/verify-ledger.ts';
import type { Scoring } from '../runtime/scoring.ts';
import { blockIn, entryIn, type Found, numberIn, numberOrNullIn, readOutput, textIn } from './auditor-lake.ts';
import { tally } from './faults.ts';
import type { LogItem } from './hostile/log.ts';
import { lateLine, type NaiveResult, runNaive } from './naive/naive.ts';
import type { Vector } from './naive/naive-features.ts';
import { line } from './naive/naive-ledger.ts';
import { startProcess } from './simulated-machine.ts';
import { outputDir, weirOf } from './simulation-engine.ts';
import { endOfInput } from './simulation-plan.ts';
import type { Run } from './simulation.ts';

/**
 * Reads back what is on the disk in the end and holds it to a model of its own: plain lists and filters over the events that
 * the log holds. A line a problem; none when all is well.
 */
export async function audit(run: Run, last: Scoring | null): Promise<string[]> {
  const { disk } = startProcess(run.machine, { faults: [] });
  const found = await readOutput(outputDir, disk);
  const log = meaningOf(run, found);
  if (typeof log === 'string') return [log];
  const twin = runNaive(weirOf(run.plan).setup, log);
  countWhatHappened(run, twin);
  const names = run.plan.featureSet.plan.features.map(({ name }) => name);
  const accepted = [...twin.counts].filter(([name]) => name.startsWith('accepted.'));
  const acceptedCount = accepted.reduce((sum, [, count]) => sum + count, 0);
  return [
    ...deadLetterProblems(found, twin),
    ...lineProblems('late event', found.tables.late.map(lateRowLine).toSorted(), twin.lateEvents.toSorted()),
    ...decisionProblems(names, found, twin),
    ...toldProblems(names, found, run.told),
    ...rowProblems(names, found, twin),
    ...ledgerProblems(found, twin),
    ...(last === null ? [] : sumProblems(last, twin)),
    ...keyProblems(openKeyIndex(join(outputDir, 'keys'), disk), acceptedCount),
  ];
}

/** The log's records with what they mean: the source's items, each once and in order, then the end of the input. */
function meaningOf({ plan }: Run, { log }: Found): LogItem[] | string {
  const sent = plan.atEnd === 'endOfInput' ? [...plan.items, endOfInput(plan.items.length)] : plan.items;
  if (log.length !== sent.length) return `the log has ${log.length} records, expected ${sent.length}`;
  const items: LogItem[] = [];
  for (const [offset, record] of log.entries()) {
    const item = sent[offset];
    const isEnd = item?.meaning.kind === 'end';
    const isSame = item !== undefined && record.topic === item.record.topic && record.offset === offset;
    if (!isSame || (!isEnd && !Buffer.from(record.bytes).equals(item.record.bytes))) {
      return `the record @${offset} of the log is not the source's`;
    }
    items.push({ record, meaning: item.meaning });
  }
  return items;
}

function countWhatHappened({ machine }: Run, { counts, rows, ledgerEntries }: NaiveResult): void {
  for (const [name, count] of counts) tally(machine.counts, `events.${name}`, count);
  tally(machine.counts, 'events.revised', rows.filter(({ revision }) => (revision ?? 0) > 0).length);
  tally(machine.counts, 'events.ledgerEntries', ledgerEntries.length);
}

function deadLetterProblems({ tables, log }: Found, twin: NaiveResult): string[] {
  const lines = tables.dead_letters.map(
    (row) => `${textIn(row, 'topic')} ${textIn(row, 'code')} @${numberIn(row, 'offset')}`,
  );
  const bytesProblems = tables.dead_letters.flatMap((row) => {
    const bytes = row['bytes'];
    const isWhole = bytes instanceof Uint8Array && log[numberIn(row, 'offset')] !== undefined;
    if (textIn(row, 'code') === 'unmappable') return isWhole ? [] : ['a dead letter without bytes'];
    const original = log[numberIn(row, 'offset')]?.bytes;
    const isSame = isWhole && original !== undefined && Buffer.from(bytes).equals(original);
    return isSame ? [] : [`dead letter @${numberIn(row, 'offset')}: the bytes are not those that came`];
  });
  return [...lineProblems('dead letter', lines.toSorted(), twin.deadLetters.toSorted()), ...bytesProblems];
}

function lateRowLine(row: TableRow): string {
  return lateLine({
    topic: textIn(row, 'topic'),
    offset: numberIn(row, 'offset'),
    reason: textIn(row, 'reason'),
    lateByMs: numberOrNullIn(row, 'late_by_ms'),
    watermarkMs: numberOrNullIn(row, 'watermark'),
  });
}

function decisionProblems(names: readonly string[], { tables }: Found, twin: NaiveResult): string[] {
  const rows = inOrder(tables.decisions, 'offset');
  const lines = rows.map((row) => {
    const status = row['too_late'] === true ? 'tooLate' : row['late'] === true ? 'late' : 'onTime';
    const watermarkMs = numberOrNullIn(row, 'watermark');
    return `@${numberIn(row, 'offset')} ${status} ${textIn(row, 'outcome')} at ${watermarkMs}`;
  });
  const expected = twin.decisions.map(
    ({ offset, status, outcome, watermarkMs }) => `@${offset} ${status} ${outcome} at ${watermarkMs}`,
  );
  const byOffset = new Map(twin.decisions.map((decision) => [decision.offset, decision.features]));
  return [
    ...lineProblems('decision', lines, expected),
    ...repeated(
      'decision id',
      rows.map((row) => textIn(row, 'decision_id')),
    ),
    ...rows.flatMap((row) =>
      vectorProblems({ of: 'decision', names, row, expected: byOffset.get(numberIn(row, 'offset')) }),
    ),
  ];
}

/** What was told before a crash is what the lake has in the end. */
function toldProblems(names: readonly string[], { tables }: Found, told: ReadonlyMap<number, Decision>): string[] {
  const rows = new Map(tables.decisions.map((row) => [numberIn(row, 'offset'), row]));
  return [...told.values()].flatMap((decision) => {
    const row = rows.get(decision.offset);
    if (row === undefined) return [`decision @${decision.offset} was told and is not in the lake`];
    const same =
      row['decision_id'] === decision.decisionId &&
      row['score'] === decision.score &&
      row['outcome'] === decision.outcome;
    if (!same)
      return [`decision @${decision.offset} was told as ${decision.outcome} ${decision.score}, the lake has another`];
    return names.flatMap((name, index) =>
      Object.is(numberOrNullIn(row, name), decision.features[index] ?? null)
        ? []
        : [`decision @${decision.offset} was told with another ${name}`],
    );
  });
}

/** Of each row the last revision; they rise, and none is there twice. */
function rowProblems(names: readonly string[], { tables }: Found, twin: NaiveResult): string[] {
  const last = new Map<number, TableRow>();
  const problems: string[] = [];
  for (const row of tables.features) {
    const offset = numberIn(row, 'offset');
    const before = last.get(offset);
    const isNewer = before === undefined || numberIn(before, 'revision') < numberIn(row, 'revision');
    if (!isNewer)
      problems.push(
        `feature row @${offset}: got revision ${textIn(row, 'revision')} after ${textIn(before, 'revision')}`,
      );
    last.set(offset, row);
  }
  const expected = new Map(twin.rows.map((row) => [row.offset, row]));
  const lines = inOrder([...last.values()], 'offset').map(
    (row) => `@${numberIn(row, 'offset')} revision ${numberOrNullIn(row, 'revision')}`,
  );
  const rows = twin.rows.toSorted((left, right) => left.offset - right.offset);
  return [
    ...problems,
    ...lineProblems(
      'feature row',
      lines,
      rows.map(({ offset, revision }) => `@${offset} revision ${revision}`),
    ),
    ...[...last].flatMap(([offset, row]) => [
      ...vectorProblems({ of: 'feature row', names, row, expected: expected.get(offset)?.decision }),
      ...vectorProblems({
        of: 'settled',
        names: names.map((name) => `${name}_settled`),
        row,
        expected: expected.get(offset)?.settled ?? names.map(() => null),
      }),
    ]),
  ];
}

/** The entries are the model's, in order; debits equal credits, the chain verifies, and each decision holds what it says. */
function ledgerProblems({ tables }: Found, twin: NaiveResult): string[] {
  const entries = tables.ledger.map(entryIn);
  const auditor = createLedgerAuditor({ chain: tables.ledger_chain.map(blockIn) });
  for (const entry of entries) auditor.add(entry);
  const { problems } = auditor.finish();
  const holds = new Map(entries.filter(({ kind }) => kind === 'authorization').map((entry) => [entry.offset, entry]));
  const unreconciled = twin.decisions.filter(({ offset, outcome }) => holds.get(offset)?.outcome !== outcome);
  const lines = entries.map((entry) =>
    line(entry.kind, entry.unmatched ? 'unmatched' : 'matched', {
      event: entry,
      amountMinor: entry.amountMinor,
      offset: entry.offset,
    }),
  );
  return [
    ...lineProblems('ledger entry', lines, twin.ledgerEntries),
    ...repeated(
      'entry id',
      entries.map(({ entryId }) => entryId),
    ),
    ...entries.flatMap(({ sequence }, index) =>
      sequence === index ? [] : [`ledger entry ${index} has sequence ${sequence}`],
    ),
    ...unreconciled.map(({ offset }) => `decision @${offset} has no entry of its outcome`),
    ...problems.map(({ kind, message }) => `ledger: ${kind}, ${message}`),
  ];
}

/** What the process that ended last says in sum. */
function sumProblems(last: Scoring, twin: NaiveResult): string[] {
  const counts = [...last.counts].map(([name, count]) => `${name} ${count}`).toSorted();
  const expected = [...twin.counts].map(([name, count]) => `${name} ${count}`).toSorted();
  const { ledger } = last.totals();
  const sums = Object.entries(ledger.currencies).map(([currency, sum]) => {
    const { heldMinor, clearedMinor, reversedMinor, expiredMinor, unmatchedMinor } = sum;
    return `${currency} ${heldMinor} ${clearedMinor} ${reversedMinor} ${expiredMinor} ${unmatchedMinor}`;
  });
  const totals = [...sums, `${ledger.openHolds} open, ${ledger.waitingReleases} wait`];
  return [...lineProblems('count', counts, expected), ...lineProblems('ledger total', totals, twin.ledgerTotals)];
}

/** Every accepted id is in the index, once. */
function keyProblems(index: ReturnType<typeof openKeyIndex>, acceptedCount: number): string[] {
  const ids: string[] = [];
  index.eachId((id) => ids.push(id));
  const counted = ids.length === acceptedCount ? [] : [`the index has ${ids.length} ids, expected ${acceptedCount}`];
  return [...counted, ...repeated('id', ids)];
}

function vectorProblems(of: {
  readonly of: string;
  readonly names: readonly string[];
  readonly row: TableRow;
  readonly expected: Vector | undefined;
}): string[] {
  const { names, row, expected } = of;
  if (expected === undefined) return [];
  return names.flatMap((name, index) => {
    const [got, wanted = null] = [numberOrNullIn(row, name), expected[index]];
    return agree(got, wanted) ? [] : [`${of.of} @${numberIn(row, 'offset')} ${name}: got ${got}, expected ${wanted}`];
  });
}

/** Equal, or as near as two ways to add up floats are. */
function agree(left: number | null, right: number | null): boolean {
  if (left === null || right === null) return left === right;
  return left === right || Math.abs(left - right) <= 1e-9 * Math.max(Math.abs(left), Math.abs(right));
}

function lineProblems(of: string, got: readonly string[], expected: readonly string[]): string[] {
  const length = Math.max(got.length, expected.length);
  const place = Array.from({ length }, (_, index) => index).find((index) => got[index] !== expected[index]);
  return place === undefined ? [] : [`${of} ${place}: got ${got[place]}, expected ${expected[place]}`];
}

function repeated(of: string, ids: readonly string[]): string[] {
  return new Set(ids).size === ids.length ? [] : [`got an ${of} twice`];
}

function inOrder(rows: readonly TableRow[], name: string): TableRow[] {
  return rows.toSorted((left, right) => numberIn(left, name) - numberIn(right, name));
}
