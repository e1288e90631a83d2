import { rmSync } from 'node:fs';
import { openKeyIndex, writeKeyIndex } from '../adapters/files/key-index.ts';
import { openParquetStream } from '../adapters/files/parquet-stream.ts';
import type { SourceItem } from '../adapters/files/source.ts';
import { controlTopic, type LogRecord } from '../core/engine/record.ts';
import type { FeatureSet } from '../core/features/plan.ts';
import { createFeatureEngine } from '../core/features/engine.ts';
import type { FeatureRow } from '../core/features/settle.ts';
import { arrive, compact, createState, step, type Weir } from '../core/pipeline.ts';
import { countUp, type Counts } from '../core/sinks/effects.ts';
import { featureCells, lakeTables } from '../core/sinks/tables.ts';
import { allowedLatenessMsOf } from './assemble.ts';
import { openKnownIds } from './known-ids.ts';

export type FeatureTableOptions = {
  readonly featureSet: FeatureSet;
  readonly items: AsyncIterable<readonly SourceItem[]>;
  /** Of the Parquet file; a folder of this name with `.keys` exists while it is written. */
  readonly path: string;
  /** Our clock, milliseconds UTC. */
  readonly clockMs?: () => number;
  readonly onBatch?: (counts: Counts) => void;
};

const cutRecords = 200_000;

/**
 * Computes every feature of every authorization of a bounded source into one Parquet file, without scoring: a row an
 * event, as rows become final, with decision and settled values. Gives the counts of what was read.
 */
export async function writeFeatureTable(options: FeatureTableOptions): Promise<Counts> {
  const { featureSet, path } = options;
  const { plan } = featureSet;
  const stream = openParquetStream({ path, schema: lakeTables(plan).features });
  const names = plan.features.map((feature) => feature.name);
  const keysDir = `${path}.keys`;
  rmSync(keysDir, { recursive: true, force: true });
  try {
    const counts = await computeRows(options, { keysDir, write: (row) => stream.push(featureCells(names, row)) });
    stream.finish();
    return counts;
  } catch (error) {
    stream.abandon();
    throw error;
  } finally {
    rmSync(keysDir, { recursive: true, force: true });
  }
}

async function computeRows(
  { featureSet, items, clockMs = Date.now, onBatch }: FeatureTableOptions,
  sink: { readonly keysDir: string; readonly write: (row: FeatureRow) => void },
): Promise<Counts> {
  const engine = createFeatureEngine(featureSet.plan, allowedLatenessMsOf(featureSet.plan));
  const weir: Weir = { features: engine, decider: null, ledger: {}, watermarkPer: 'input' };
  const state = createState(weir);
  const ids = openKnownIds(openKeyIndex(sink.keysDir));
  const counts: Counts = new Map();
  const open = new Map<number, FeatureRow>();
  let offset = 0;
  let cutOffset = 0;
  const take = (batch: readonly SourceItem[]): void => {
    const arrivals = batch.map((item) => arrive(recordOf(item, offset++, clockMs())));
    const effects = step(weir, state, { arrivals, known: ids.lookUp(arrivals), recorded: new Map() });
    ids.add(effects.acceptedKeys);
    for (const [name, count] of effects.counts) countUp(counts, name, count);
    for (const row of effects.featureRows) open.set(row.identity.offset, row);
    for (const [rowOffset, row] of open) {
      // A row that the state has let go of is final.
      if (state.features.rows.has(rowOffset)) continue;
      sink.write(row);
      open.delete(rowOffset);
    }
    if (offset - cutOffset < cutRecords) return;
    writeKeyIndex({ dir: sink.keysDir, startOffset: cutOffset, endOffset: offset, entries: ids.pending() });
    ids.committed();
    compact(weir, state);
    cutOffset = offset;
  };
  for await (const batch of items) {
    take(batch);
    onBatch?.(counts);
  }
  take([{ topic: controlTopic, bytes: new Uint8Array() }]);
  return counts;
}

function recordOf({ topic, bytes }: SourceItem, offset: number, ingestTimeMs: number): LogRecord {
  return { topic, bytes, partition: 0, offset, ingestTimeMs };
}
