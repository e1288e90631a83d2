import { openStream, wholeBelow } from '../../simulate/random.ts';
import { everyAggregate, everyLabel } from '../../simulate/hostile/definitions.ts';
import type { Output } from './harness.ts';
import { type Case, checkCase } from './laws.ts';
import { logOf, seededDrafts, shuffled } from '../../simulate/hostile/workload.ts';

/** What happened in many logs, by name. */
export type Tally = Map<string, number>;

export function createTally(): Tally {
  return new Map();
}

/** The case of a seed: 200 to 700 records, some of them in any order, some ended. */
export function seededCase(seed: number): Case {
  const random = openStream({ seed, name: 'case' });
  const length = 200 + wholeBelow(random, 500);
  const drafts = seededDrafts({ seed, length });
  const last = drafts.at(-1);
  if (last !== undefined && wholeBelow(random, 2) === 0) drafts.push({ ...last, kind: 'end', stepMs: 0 });
  const reach = [0, 0, 5, 50][wholeBelow(random, 4)] ?? 0;
  return {
    featureSet: seed % 2 === 0 ? everyAggregate : everyLabel,
    watermarkPer: wholeBelow(random, 4) === 0 ? 'topic' : 'input',
    seed,
    log: shuffled(logOf(drafts), { seed, reach }),
  };
}

/** Adds what happened in one log. */
export function tallyOf(tally: Tally, { counts, rowsSent, restarts, featureRows, ledgerEntries }: Output): void {
  for (const [name, value] of counts) add(tally, name, value);
  add(tally, 'restarts', restarts);
  add(tally, 'rows', featureRows.length);
  add(tally, 'rows sent', rowsSent);
  for (const { revision, tooLate } of featureRows) {
    if (revision !== null && revision > 0) add(tally, 'rows revised', 1);
    if (!tooLate) add(tally, 'revisions', revision ?? 0);
  }
  for (const { kind, unmatched } of ledgerEntries) add(tally, `ledger.${kind}${unmatched ? '.unmatched' : ''}`, 1);
}

/** Leaves out records for as long as a law still breaks: halves, then ever smaller pieces, then single ones. */
export function shrink(failing: Case, breaks: (smaller: Case) => boolean = breaksLaw): Case {
  let small = failing;
  for (let piece = Math.ceil(small.log.length / 2); piece >= 1; piece = piece === 1 ? 0 : Math.ceil(piece / 2)) {
    for (let start = 0; start < small.log.length;) {
      const log = small.log.filter((_, index) => index < start || index >= start + piece);
      const smaller = { ...small, log };
      if (log.length > 0 && breaks(smaller)) small = smaller;
      else start += piece;
    }
  }
  return small;
}

function breaksLaw(smaller: Case): boolean {
  return checkCase(smaller).problems.length > 0;
}

function add(tally: Tally, name: string, by: number): void {
  tally.set(name, (tally.get(name) ?? 0) + by);
}
