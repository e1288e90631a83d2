import { unmappableTopic } from '../../core/contract/unmappable-header.ts';
import { unwrapUnmappable } from '../../core/decode/unmappable.ts';
import { type Disk, realDisk } from './disk.ts';
import { SegmentReader } from './segment-reader.ts';
import { listSegments } from './segment-scan.ts';

/** Where the source had a record of the log. */
export type PlacedRecord = { readonly topic: string; readonly sourcePosition: number };

/** Where the source had the records of a log's directory from an offset on, in log order. */
export function readPositions({
  dir,
  fromOffset,
  disk = realDisk,
}: {
  readonly dir: string;
  readonly fromOffset: number;
  readonly disk?: Disk;
}): PlacedRecord[] {
  const placed: PlacedRecord[] = [];
  const segments = listSegments(disk, dir);
  for (const [index, segment] of segments.entries()) {
    const endOffset = segments[index + 1]?.firstOffset ?? Infinity;
    if (endOffset <= fromOffset) continue;
    const reader = new SegmentReader(disk, segment, Math.max(fromOffset, segment.firstOffset));
    try {
      while (reader.measure() > 0) {
        const { sourcePosition } = reader;
        const record = reader.take();
        if (record !== null) placed.push({ topic: topicOf(record), sourcePosition });
      }
    } finally {
      reader.close();
    }
  }
  return placed;
}

/** A record that could not be read is in the log as such, with the topic that it came from inside. */
function topicOf({ topic, bytes }: { readonly topic: string; readonly bytes: Uint8Array }): string {
  return topic === unmappableTopic ? (unwrapUnmappable(bytes)?.topic ?? topic) : topic;
}
