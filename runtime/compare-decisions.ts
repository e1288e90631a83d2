import { hash } from 'node:crypto';
import { openLake } from '../adapters/files/lake.ts';
import type { TableRow } from '../core/sinks/table-schema.ts';

/** The decisions of one run over a log: the same offset is the same event in every run over it. */
export type ComparedLake = { readonly dir: string };

/** Decisions of one event that differ. */
export type DifferingDecision = {
  readonly offset: number;
  readonly live: TableRow;
  readonly replayed: TableRow;
};

/** What the comparison of two runs over one log came to. */
export type DecisionComparison = {
  /** Decisions of events in `[fromMs, toMs)` that both have. */
  readonly compared: number;
  readonly same: number;
  /** In one run alone: none, unless one of them was cut short. */
  readonly liveAlone: number;
  readonly replayedAlone: number;
  /** By outcome before and after, all decisions that were compared. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Over all rows in log order, SHA-256: equal when every decision is. */
  readonly digests: { readonly live: string; readonly replayed: string };
  readonly differing: readonly DifferingDecision[];
  /** More differ than are kept whole. */
  readonly isCut: boolean;
};

/** Of what ran and where: it tells nothing of what was decided. */
const identities = /^(model|rule_set|feature_set)_(id|name|version|hash)$/;
const dayMs = 86_400_000;

/**
 * Compares the decisions of two runs over the same log, column by column but for the names and hashes of what ran; of the
 * features those that both have. At most `differingMax` differing decisions are kept whole.
 */
export async function compareDecisions(options: {
  readonly live: ComparedLake;
  readonly replayed: ComparedLake;
  readonly fromMs: number;
  readonly toMs: number;
  readonly untilOffset: number;
  /** Features that both runs have; the others are not compared. */
  readonly features: readonly string[];
  readonly decisionColumns: readonly string[];
  readonly differingMax: number;
}): Promise<DecisionComparison> {
  const { live, replayed, differingMax } = options;
  const before = await digestsOf(live, options);
  const outcomes = new Map<string, number>();
  const differing: number[] = [];
  const seen = new Set<number>();
  let compared = 0;
  let replayedAlone = 0;
  const after = await digestsOf(replayed, options, (offset, { digest, outcome }) => {
    const known = before.rows.get(offset);
    if (known === undefined) replayedAlone += 1;
    else {
      compared += 1;
      seen.add(offset);
      const change = `${known.outcome} ${outcome}`;
      outcomes.set(change, (outcomes.get(change) ?? 0) + 1);
      if (known.digest !== digest) differing.push(offset);
    }
  });
  const kept = new Set(differing.slice(0, differingMax));
  const [liveRows, replayedRows] = await Promise.all([rowsAt(live, kept), rowsAt(replayed, kept)]);
  return {
    compared,
    same: compared - differing.length,
    liveAlone: before.rows.size - seen.size,
    replayedAlone,
    outcomes,
    digests: { live: before.digest, replayed: after.digest },
    differing: [...kept]
      .toSorted((left, right) => left - right)
      .map((offset) => ({ offset, live: liveRows.get(offset) ?? {}, replayed: replayedRows.get(offset) ?? {} })),
    isCut: differing.length > kept.size,
  };
}

type Row = { readonly digest: string; readonly outcome: string };
type Range = Pick<
  Parameters<typeof compareDecisions>[0],
  'fromMs' | 'toMs' | 'untilOffset' | 'features' | 'decisionColumns'
>;

/** A digest a decision by offset, and one over all of them in the order of offsets. */
async function digestsOf(
  { dir }: ComparedLake,
  { fromMs, toMs, untilOffset, features, decisionColumns }: Range,
  onRow?: (offset: number, row: Row) => void,
): Promise<{ readonly rows: ReadonlyMap<number, Row>; readonly digest: string }> {
  const columns = [...decisionColumns.filter((name) => !identities.test(name)), ...features];
  const rows = new Map<number, Row>();
  for await (const batch of rowsOf(dir, { fromMs, toMs, columns })) {
    for (const row of batch) {
      const offset = Number(row['offset']);
      const eventTimeMs = Number(row['event_time']);
      if (offset >= untilOffset || eventTimeMs < fromMs || eventTimeMs >= toMs) continue;
      const text = JSON.stringify(columns.map((name) => row[name] ?? null));
      const found = { digest: hash('sha1', text, 'base64url'), outcome: String(row['outcome']) };
      rows.set(offset, found);
      onRow?.(offset, found);
    }
  }
  const inOrder = [...rows].toSorted(([left], [right]) => left - right).map(([, { digest }]) => digest);
  return { rows, digest: hash('sha256', inOrder.join('\n'), 'hex') };
}

async function rowsAt({ dir }: ComparedLake, offsets: ReadonlySet<number>): Promise<ReadonlyMap<number, TableRow>> {
  const found = new Map<number, TableRow>();
  if (offsets.size === 0) return found;
  const sorted = [...offsets].toSorted((left, right) => left - right);
  const holds = (file: { readonly startOffset: number; readonly endOffset: number }): boolean =>
    sorted.some((offset) => offset >= file.startOffset && offset < file.endOffset);
  const lake = openLake({ dir });
  for await (const batch of lake.readRows('decisions', { fits: holds })) {
    for (const row of batch) {
      const offset = Number(row['offset']);
      if (offsets.has(offset)) found.set(offset, row);
    }
  }
  return found;
}

/** The rows of the days that the range touches. */
function rowsOf(
  dir: string,
  { fromMs, toMs, columns }: { readonly fromMs: number; readonly toMs: number; readonly columns: readonly string[] },
): AsyncGenerator<TableRow[]> {
  const fits = ({ date }: { readonly date: string | null }): boolean => {
    if (date === null) return true;
    const startMs = Date.parse(`${date}T00:00:00Z`);
    return startMs < toMs && startMs + dayMs > fromMs;
  };
  return openLake({ dir }).readRows('decisions', { columns, fits });
}
