import type { FeatureSet } from '../core/features/plan.ts';
import { type Fault, type FaultKind, faultKinds } from './faults.ts';
import { everyAggregate, everyLabel, nestedOnly } from './hostile/definitions.ts';
import { endItem, type LogItem } from './hostile/log.ts';
import { type Draft, logOf, seededDrafts } from './hostile/workload.ts';
import { chance, openStream, type RandomStream, wholeBelow } from './random.ts';

/** Everything that a seed decides: what comes in, what runs, and what goes wrong. */
export type SimulationPlan = {
  readonly seed: number;
  readonly engine: 'readable' | 'columnar';
  readonly featureSet: FeatureSet;
  readonly watermarkPer: 'input' | 'topic';
  readonly batchRecordsMax: number;
  readonly cutRecords: number;
  /** Records that come at once, at most. */
  readonly chunkRecordsMax: number;
  readonly atEnd: 'endOfInput' | 'stayOpen';
  readonly items: readonly LogItem[];
  /** The processes, one after the other; after the last of them comes one in which nothing goes wrong. */
  readonly lives: readonly LifePlan[];
};

/** One process over the directory and what goes wrong in it. */
export type LifePlan = {
  readonly faults: readonly Fault[];
  /** Another process takes the directory over while this one waits, before it appends or while it commits. */
  readonly takenOver: { readonly when: 'append' | 'commit'; readonly after: number } | null;
  /** Added to the clock that the log's records get their ingest times from. */
  readonly clockSkewMs: number;
  /** It begins with another definition, which must be refused. */
  readonly hasOtherDefinition: boolean;
  /** It is asked to stop after so many batches: it commits what it has. */
  readonly stopsAfter: number | null;
};

/** A process in which nothing goes wrong. */
export const calmLife: LifePlan = {
  faults: [],
  takenOver: null,
  clockSkewMs: 0,
  hasOtherDefinition: false,
  stopsAfter: null,
};

const hourMs = 3_600_000;

/** The plan of a seed. */
export function planOf(seed: number): SimulationPlan {
  const random = openStream({ seed, name: 'simulation' });
  const isLong = seed % 50 === 17;
  const kind = isLong ? longWorkload : pick(random, workloads);
  const length = kind.lengthMin + wholeBelow(random, kind.lengthMax - kind.lengthMin);
  const drafts = withBursts(seededDrafts({ seed, length }), random);
  const items = withOldCopies(logOf(chance(random, 0.2) ? endedDrafts(drafts) : drafts), random);
  const chunkRecordsMax = 1 + wholeBelow(random, Math.ceil(length / pick(random, [1, 3, 6])));
  return {
    seed,
    engine: (isLong ? seed % 100 === 17 : chance(random, 0.5)) ? 'readable' : 'columnar',
    featureSet: kind.featureSet,
    watermarkPer: chance(random, 0.25) ? 'topic' : 'input',
    batchRecordsMax: 1 + wholeBelow(random, Math.ceil(length / 4)),
    cutRecords: Math.ceil(length / 8) + wholeBelow(random, length),
    chunkRecordsMax,
    atEnd: chance(random, 0.6) ? 'endOfInput' : 'stayOpen',
    items,
    lives: [
      ...Array.from({ length: wholeBelow(random, 6) }, () => lifePlan(random, length / chunkRecordsMax)),
      ...tornLogLives(seed),
    ],
  };
}

/** The windows are few where the records are many: the auditor's model takes the cube of both. */
const workloads = [
  { featureSet: everyLabel, lengthMin: 40, lengthMax: 160 },
  { featureSet: everyAggregate, lengthMin: 20, lengthMax: 90 },
  { featureSet: nestedOnly, lengthMin: 60, lengthMax: 260 },
  { featureSet: nestedOnly, lengthMin: 60, lengthMax: 260 },
] as const;

/** Enough entries for a block of the ledger's chain, now and then: the auditor takes a second for it. */
const longWorkload = { featureSet: nestedOnly, lengthMin: 1500, lengthMax: 1600 };

/** The calls after which something is not as before. */
const momentous = ['fsync', 'fsync', 'rename', 'write', 'unlink', 'ftruncate'] as const;

function lifePlan(random: RandomStream, chunks: number): LifePlan {
  const faultCount = pick(random, [0, 1, 1, 1, 2, 3]);
  const faults = Array.from({ length: faultCount }, (): Fault => {
    const kind: FaultKind = pick(random, faultKinds);
    if (chance(random, 0.5))
      return { kind, of: 'any', fromOperation: 1 + wholeBelow(random, pick(random, [30, 200, 600])) };
    return { kind, of: pick(random, momentous), fromOperation: 1 + wholeBelow(random, pick(random, [5, 20, 60])) };
  });
  const when = pick(random, ['append', 'commit'] as const);
  const after = wholeBelow(random, when === 'append' ? Math.ceil(chunks) : 16);
  return {
    faults,
    takenOver: chance(random, 0.2) ? { when, after } : null,
    clockSkewMs: pick(random, [0, 0, 0, hourMs, -hourMs]),
    hasOtherDefinition: chance(random, 0.1),
    stopsAfter: chance(random, 0.3) ? wholeBelow(random, 8) : null,
  };
}

/** The power goes while the log grows, now and then: otherwise a record that is torn is too rare. */
function tornLogLives(seed: number): LifePlan[] {
  const random = openStream({ seed, name: 'torn log' });
  if (!chance(random, 0.1)) return [];
  const fromOperation = 1 + wholeBelow(random, 20);
  return [{ ...calmLife, faults: [{ kind: 'powerLossAfter', of: 'write', within: 'log', fromOperation }] }];
}

/** Late uploads: runs of records that are much older than the clock. */
function withBursts(drafts: readonly Draft[], random: RandomStream): Draft[] {
  if (chance(random, 0.6)) return [...drafts];
  const start = wholeBelow(random, drafts.length);
  const end = start + 5 + wholeBelow(random, 30);
  const behindMs = pick(random, [40_000, 64_000, 66_000, 600_000, 72 * hourMs]);
  return drafts.map((draft, index) => (index < start || index >= end ? draft : { ...draft, behindMs, stepMs: 500 }));
}

/** Some records come once more, long after. */
function withOldCopies(items: readonly LogItem[], random: RandomStream): LogItem[] {
  if (chance(random, 0.5)) return [...items];
  const copies = items
    .filter(() => chance(random, 0.05))
    .map((item) => ({ item, at: wholeBelow(random, items.length) }));
  return items.flatMap((item, index) => [
    item,
    ...copies
      .filter(({ at }) => at === index)
      .map((copy) => ({ ...copy.item, record: { ...copy.item.record, ingestTimeMs: item.record.ingestTimeMs } })),
  ]);
}

/** The input ends in the middle, and goes on all the same. */
function endedDrafts(drafts: readonly Draft[]): Draft[] {
  const at = Math.floor(drafts.length * 0.8);
  return drafts.map((draft, index) => (index === at ? { ...draft, kind: 'end' } : draft));
}

/** The item of the end of the input, which the run writes itself. */
export function endOfInput(offset: number): LogItem {
  return endItem({ offset, ingestTimeMs: 0 });
}

function pick<Value>(random: RandomStream, values: readonly Value[]): Value {
  const value = values[wholeBelow(random, values.length)];
  if (value === undefined) throw new RangeError('got no values to choose from, expected some');
  return value;
}
