import { rmSync } from 'node:fs';
import { writeKeyColumns } from '../adapters/files/key-index.ts';
import { openParquetStream, type ParquetStream } from '../adapters/files/parquet-stream.ts';
import type { SourceItem } from '../adapters/files/source.ts';
import { createFront, runFront } from '../core/columnar-pipeline.ts';
import { createColumnSpace } from '../core/decode/column-space.ts';
import { createInterner, type Interner } from '../core/decode/interner.ts';
import { createLogBlock, type LogBlock } from '../core/decode/log-block.ts';
import { controlTopic } from '../core/engine/record.ts';
import type { SettledColumns } from '../core/features/columnar-settled.ts';
import type { FeatureSet } from '../core/features/plan.ts';
import { copySettled, layOutSettled } from '../core/features/settled-copy.ts';
import { createFeatureTable } from '../core/sinks/columnar-tables-features.ts';
import { countUp, type Counts } from '../core/sinks/effects.ts';
import { lakeTables } from '../core/sinks/tables.ts';
import { forgetRemembered } from '../core/steps/columnar-admission.ts';
import { notAccepted } from '../core/steps/columnar-front.ts';
import { eventLayoutOf } from '../core/steps/event-layout.ts';
import { allowedLatenessMsOf } from './assemble.ts';
import { openSlot, slotBytes } from './batch-slot.ts';
import { openColumnarKnownIds } from './columnar-known-ids.ts';
import { createKeyCollector } from './key-collector.ts';

export type FeatureTableOptions = {
  readonly featureSet: FeatureSet;
  readonly items: AsyncIterable<readonly SourceItem[]>;
  /** Of the Parquet file; a folder of this name with `.keys` exists while it is written. */
  readonly path: string;
  /** Our clock, milliseconds UTC. */
  readonly clockMs?: () => number;
  readonly onBatch?: (counts: Counts) => void;
};

const cutRecords = 500_000;
const rowsMax = 4096;

/**
 * Computes every feature of every authorization of a bounded source into one Parquet file, without scoring: a row an
 * event, as rows become final, with decision and settled values. Gives the counts of what was read.
 */
export async function writeFeatureTable(options: FeatureTableOptions): Promise<Counts> {
  const { featureSet, path } = options;
  const stream = openParquetStream({ path, schema: lakeTables(featureSet.plan).features });
  const keysDir = `${path}.keys`;
  rmSync(keysDir, { recursive: true, force: true });
  try {
    const counts = await computeRows(options, { keysDir, stream });
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
  sink: { readonly keysDir: string; readonly stream: ParquetStream },
): Promise<Counts> {
  const { plan } = featureSet;
  const interner = createInterner();
  const layout = eventLayoutOf(plan, null);
  const allowedLatenessMs = allowedLatenessMsOf(plan);
  const front = createFront({ plan, layout, interner, allowedLatenessMs, watermarkPer: 'input' });
  const { admission } = front.state;
  const shape = { layout, featureCount: plan.features.length, rowsMax };
  const { columns, values } = openSlot(new ArrayBuffer(slotBytes(shape)), shape);
  const ids = openColumnarKnownIds(sink.keysDir, rowsMax);
  const keys = createKeyCollector();
  const rows = createFinalRows({ interner, allowedLatenessMs, stream: sink.stream });
  const counts: Counts = new Map();
  let cutOffset = 0;
  const take = (block: LogBlock): void => {
    const { settled, rare } = runFront(front, { block, columns, values, lookUp: ids.lookUp });
    for (const [name, count] of rare.counts) countUp(counts, name, count);
    rows.add(settled, admission.stateMs);
    ids.add(columns, (row) => columns.lateness[row] !== notAccepted);
    keys.add(columns);
    const offset = block.firstOffset + block.count;
    if (offset - cutOffset < cutRecords) return;
    writeKeyColumns({ dir: sink.keysDir, startOffset: cutOffset, endOffset: offset, keys: keys.take() });
    ids.refresh();
    forgetRemembered(admission, offset);
    cutOffset = offset;
  };
  let offset = 0;
  const takeAll = (batch: readonly SourceItem[]): void => {
    for (let from = 0; from < batch.length; from += rowsMax) {
      take(blockOf(batch.slice(from, from + rowsMax), { firstOffset: offset + from, ingestTimeMs: clockMs() }));
    }
    offset += batch.length;
  };
  for await (const batch of items) {
    takeAll(batch);
    onBatch?.(counts);
  }
  takeAll([{ topic: controlTopic, bytes: new Uint8Array() }]);
  return counts;
}

/** Items as a block of the log that they are not in. */
function blockOf(
  items: readonly SourceItem[],
  { firstOffset, ingestTimeMs }: { readonly firstOffset: number; readonly ingestTimeMs: number },
): LogBlock {
  const block = createLogBlock({ recordsMax: items.length, partition: 0 });
  block.bytes = Buffer.concat(items.map(({ bytes }) => bytes));
  block.firstOffset = firstOffset;
  block.count = items.length;
  let end = 0;
  for (const [row, { topic, bytes }] of items.entries()) {
    const known = block.topics.indexOf(topic);
    block.topic[row] = known >= 0 ? known : block.topics.push(topic) - 1;
    block.start[row] = end;
    end += bytes.length;
    block.end[row] = end;
    block.ingestTimeMs[row] = ingestTimeMs;
  }
  return block;
}

/** Writes rows once they can no longer change; holds the others, of each the last revision. */
function createFinalRows(options: {
  readonly interner: Interner;
  readonly allowedLatenessMs: number;
  readonly stream: ParquetStream;
}): { readonly add: (settled: SettledColumns, watermarkMs: number) => void } {
  const { interner, allowedLatenessMs, stream } = options;
  const tableOf = createFeatureTable(interner);
  const held = new Map<number, SettledColumns>();
  const write = (settled: SettledColumns, from: number, to: number): void => {
    if (to > from) stream.append(tableOf(settled).columns, from, to);
  };
  const isFinal = (settled: SettledColumns, row: number, watermarkMs: number): boolean =>
    settled.tooLate[row] === 1 || settled.eventTimeMs[row]! + allowedLatenessMs <= watermarkMs;
  const addRow = (settled: SettledColumns, row: number, watermarkMs: number): boolean => {
    held.delete(settled.offset[row]!);
    if (isFinal(settled, row, watermarkMs)) return true;
    held.set(settled.offset[row]!, copyRow(settled, row));
    return false;
  };
  return {
    add: (settled, watermarkMs) => {
      let from = 0;
      for (let row = 0; row < settled.rowCount; row++) {
        if (addRow(settled, row, watermarkMs)) continue;
        write(settled, from, row);
        from = row + 1;
      }
      write(settled, from, settled.rowCount);
      for (const [offset, row] of held) {
        if (!isFinal(row, 0, watermarkMs)) continue;
        write(row, 0, 1);
        held.delete(offset);
      }
    },
  };
}

function copyRow(settled: SettledColumns, row: number): SettledColumns {
  const textBytesMax = settled.eventIdEnd[row]! - settled.eventIdStart[row]!;
  const room = { featureCount: settled.featureCount, rowsMax: 1, textBytesMax };
  const copy = layOutSettled(createColumnSpace(new ArrayBuffer(256 + textBytesMax + settled.featureCount * 16)), room);
  copySettled(settled, row, copy);
  return copy;
}
