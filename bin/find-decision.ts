import { join } from 'node:path';
import { z } from 'zod';
import { openKeyIndex } from '../adapters/files/key-index.ts';
import { type LakeFile, openLake } from '../adapters/files/lake.ts';
import { readParquetBatches, readParquetFile } from '../adapters/files/parquet-reader.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { ReasonCode } from '../core/score/decision.ts';
import { reasonOf, reasonSubjects } from '../core/score/reasons.ts';
import { fixedDecisionColumns, reasonsMax } from '../core/sinks/decision-table.ts';
import type { TableRow } from '../core/sinks/table-schema.ts';

/** A decision as the lake has it, with its reasons in words and its feature values by name. */
export type DecisionRow = z.infer<typeof decisionRow> & {
  readonly reasons: readonly ReasonCode[];
  /** The values that the score used, in the feature set's order. */
  readonly used: readonly { readonly name: string; readonly value: number | null }[];
};

/** One feature of a decision: the value that the score used, and the settled one; null when there is none. */
export type FeatureValues = {
  readonly name: string;
  readonly decision: number | null;
  readonly settled: number | null;
};

/** What the features table knows of one event: null where its row has not settled yet. */
export type SettledFeatures = { readonly revision: number | null; readonly values: readonly FeatureValues[] } | null;

const decisionRow = z.object({
  decision_id: z.string(),
  tenant_id: z.string(),
  account_id: z.string(),
  event_id: z.string(),
  event_time: z.number(),
  offset: z.number(),
  score: z.number(),
  outcome: z.enum(['approve', 'review', 'stepUp', 'decline']),
  rule_hits: z.array(
    z.object({
      id: z.string(),
      version: z.number(),
      mode: z.enum(['live', 'shadow']),
      scoreDelta: z.number(),
      code: z.string().optional(),
      text: z.string().optional(),
    }),
  ),
  model_id: z.string(),
  model_version: z.string(),
  model_hash: z.string(),
  rule_set_id: z.string(),
  rule_set_version: z.number(),
  rule_set_hash: z.string(),
  feature_set_name: z.string(),
  feature_set_version: z.number(),
  feature_set_hash: z.string(),
  watermark: z.number().nullish(),
  late: z.boolean(),
  too_late: z.boolean(),
  fallback: z.object({ stage: z.string(), reason: z.string() }).nullish(),
});

const modelReason = z.object({
  feature: z.string(),
  baseline: z.number().nullish(),
  contribution: z.number(),
});

/**
 * Finds one decision by its id, a unique beginning of it, or the id of its event. Throws `DECISION_NOT_FOUND`, and
 * `DECISION_AMBIGUOUS` with the ids of those that fit.
 */
export async function findDecision(out: string, asked: string): Promise<DecisionRow> {
  const files = openLake({ dir: join(out, 'lake') }).listFiles('decisions');
  const isPrefix = /^[0-9a-f]{4,32}$/i.test(asked);
  const prefix = asked.toLowerCase();
  const byId = isPrefix ? await findByPrefix({ out, prefix, files }) : [];
  // A long run of hexadecimal digits is a decision id; a short one may be the id of an event too.
  const found = isPrefix && prefix.length >= 16 && byId.length > 0 ? byId : await findByEvent(files, asked);
  const rows = found.length > 0 ? found : byId;
  const [row] = rows;
  if (row === undefined) throw notFound(out, asked);
  if (rows.length > 1) throw ambiguous(rows, asked);
  return row;
}

/** The settled features of a decision, of the last revision. */
export async function findFeatures(out: string, decision: DecisionRow): Promise<SettledFeatures> {
  const date = new Date(decision.event_time).toISOString().slice(0, 10);
  const files = openLake({ dir: join(out, 'lake') })
    .listFiles('features')
    .filter((file) => file.date === date && file.endOffset > decision.offset);
  let last: TableRow | null = null;
  for (const { path } of files) {
    for (const row of await rowsAt({ path, column: 'offset', fits: (value) => value === decision.offset })) {
      if (last === null || revisionOf(row) >= revisionOf(last)) last = row;
    }
  }
  if (last === null) return null;
  const row = last;
  const names = Object.keys(row).filter((name) => `${name}_settled` in row);
  const values = names.map((name) => ({
    name,
    decision: numberOrNull(row[name]),
    settled: numberOrNull(row[`${name}_settled`]),
  }));
  return { revision: numberOrNull(row['revision']), values };
}

type PrefixSearch = { readonly out: string; readonly prefix: string; readonly files: readonly LakeFile[] };

const indexDigits = 16;
const candidatesMax = 50;

/** By the index of ids, which keeps their first 16 digits: then only the files of a cut are read. */
async function findByPrefix({ out, prefix, files }: PrefixSearch): Promise<DecisionRow[]> {
  const index = openKeyIndex(join(out, 'keys'));
  const candidates = new Set<string>();
  const head = prefix.slice(0, indexDigits);
  if (head.length === indexDigits) candidates.add(head);
  else {
    index.eachId((id) => {
      if (id.startsWith(head) && candidates.size < candidatesMax) candidates.add(id);
    });
  }
  const rows: DecisionRow[] = [];
  for (const candidate of candidates) {
    const found = index.find(candidate);
    if (found === null) continue;
    for (const { path } of files.filter(({ startOffset }) => startOffset === found.startOffset)) {
      rows.push(...parseRows(await rowsAt({ path, column: 'offset', fits: (value) => value === found.offset })));
    }
  }
  return rows.filter((row) => row.decision_id.startsWith(prefix));
}

async function findByEvent(files: readonly LakeFile[], eventId: string): Promise<DecisionRow[]> {
  const rows: DecisionRow[] = [];
  for (const { path } of files) {
    rows.push(...parseRows(await rowsAt({ path, column: 'event_id', fits: (value) => value === eventId })));
  }
  return rows;
}

type RowSearch = { readonly path: string; readonly column: string; readonly fits: (value: unknown) => boolean };

/** The whole rows of a file where one column fits; the other columns are read only when one does. */
async function rowsAt({ path, column, fits }: RowSearch): Promise<TableRow[]> {
  for await (const batch of readParquetBatches({ path, columns: [column] })) {
    if (!batch.some((row) => fits(row[column]))) continue;
    return (await readParquetFile({ path })).filter((row) => fits(row[column]));
  }
  return [];
}

function parseRows(rows: readonly TableRow[]): DecisionRow[] {
  return rows.map((row) => {
    const decision = decisionRow.parse(row);
    const used = usedFeatures(row);
    const values = new Map(used.map(({ name, value }) => [name, value]));
    const reasons = [...ruleReasons(decision), ...modelReasons(row, values)];
    return { ...decision, reasons, used };
  });
}

/** Each column behind the ones that every decision has is a feature. */
function usedFeatures(row: TableRow): DecisionRow['used'] {
  return Object.keys(row)
    .filter((name) => !fixedDecisionColumns.has(name))
    .map((name) => ({ name, value: numberOrNull(row[name]) }));
}

function ruleReasons({ rule_hits: hits }: z.infer<typeof decisionRow>): ReasonCode[] {
  return hits.flatMap(({ code, text, scoreDelta }) =>
    code === undefined || text === undefined
      ? []
      : [{ code, text, feature: null, value: null, baseline: null, contribution: scoreDelta }],
  );
}

/** The reasons of the model, worded anew from what they are made of. */
function modelReasons(row: TableRow, values: ReadonlyMap<string, number | null>): ReasonCode[] {
  const reasons: ReasonCode[] = [];
  for (let place = 1; place <= reasonsMax && typeof row[`reason_${place}_feature`] === 'string'; place++) {
    const { feature, baseline, contribution } = modelReason.parse({
      feature: row[`reason_${place}_feature`],
      baseline: row[`reason_${place}_baseline`],
      contribution: row[`reason_${place}_contribution`],
    });
    const value = values.get(feature) ?? null;
    for (const subject of reasonSubjects({ model: { featureNames: [feature] }, columns: Int32Array.of(0) })) {
      reasons.push(reasonOf(subject, { value, baseline: baseline ?? null, contribution }));
    }
  }
  return reasons;
}

function revisionOf(row: TableRow): number {
  return numberOrNull(row['revision']) ?? -1;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function notFound(out: string, asked: string): WeirError {
  return new WeirError({
    code: 'DECISION_NOT_FOUND',
    message: `got ${asked}, which is neither a decision nor an event with one in ${out}`,
    fix: 'Check the id and --out; ids are in the column decision_id of lake/decisions. What a stopped run had not committed appears once the run goes on.',
    facts: { out },
  });
}

function ambiguous(rows: readonly DecisionRow[], asked: string): WeirError {
  const ids = rows.slice(0, 5).map((row) => row.decision_id);
  return new WeirError({
    code: 'DECISION_AMBIGUOUS',
    message: `got ${asked}, which ${rows.length} decisions fit: ${ids.join(', ')}${rows.length > ids.length ? ' ...' : ''}`,
    fix: 'Name one of them by its whole id.',
    facts: { decisions: rows.length },
  });
}
