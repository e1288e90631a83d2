import { join } from 'node:path';
import { realDisk } from '../adapters/files/disk.ts';
import { SegmentReader } from '../adapters/files/segment-reader.ts';
import { listSegments } from '../adapters/files/segment-scan.ts';
import type { LogRecord } from '../core/engine/record.ts';

const batchRecords = 4096;

/** The records of a run's log in order, as they were taken, up to an offset; its owner may append meanwhile. */
export async function* readLog(dir: string, untilOffset: number): AsyncGenerator<readonly LogRecord[]> {
  const segments = listSegments(realDisk, join(dir, 'log'));
  for (const segment of segments) {
    if (segment.firstOffset >= untilOffset) return;
    const reader = new SegmentReader(realDisk, segment, segment.firstOffset);
    try {
      let batch: LogRecord[] = [];
      while (reader.offset < untilOffset && reader.measure() > 0) {
        const record = reader.take();
        if (record === null) break;
        batch.push({ ...record, bytes: record.bytes.slice() });
        if (batch.length < batchRecords) continue;
        yield batch;
        batch = [];
      }
      if (batch.length > 0) yield batch;
    } finally {
      reader.close();
    }
  }
}
