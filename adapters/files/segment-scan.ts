import { join } from 'node:path';
import { WeirError } from '../../core/contract/failure.ts';
import type { Disk } from './disk.ts';
import { withPath } from './failure.ts';
import { hasRecordAfter, type Segment, SegmentReader } from './segment-reader.ts';

/** The segments of a directory in offset order; other files are left alone. */
export function listSegments(disk: Disk, dir: string): Segment[] {
  const names = withPath(dir, () => disk.list(dir)).map(({ name }) => name);
  const segments = names.filter((name) => /^\d{16}\.log$/.test(name)).sort();
  return segments.map((name) => {
    const path = join(dir, name);
    return {
      path,
      firstOffset: Number(name.slice(0, 16)),
      sizeBytes: withPath(path, () => disk.sizeOfPath(path)),
      index: [],
    };
  });
}

/** Where the good records of a segment end. */
export type Scan = {
  readonly endOffset: number;
  readonly sizeBytes: number;
  readonly lastSourcePosition: number | null;
};

/**
 * Reads a segment through and says where its good records end. Throws `LOG_CORRUPT` when good records follow a bad one.
 */
export function scanSegment(disk: Disk, segment: Segment): Scan {
  const reader = new SegmentReader(disk, segment, segment.firstOffset);
  try {
    const lastSourcePosition = reader.skipAll();
    const scan = { endOffset: reader.offset, sizeBytes: reader.position, lastSourcePosition };
    if (scan.sizeBytes < segment.sizeBytes && hasRecordAfter(disk, segment, scan.sizeBytes)) {
      throw corrupt(segment, scan.endOffset);
    }
    return scan;
  } finally {
    reader.close();
  }
}

/** The failure `LOG_CORRUPT`, with the file and the offset. */
export function corrupt({ path }: { path: string }, offset: number): WeirError {
  return new WeirError({
    code: 'LOG_CORRUPT',
    message: `${path}: the record at offset ${offset} is damaged or missing, though later records exist`,
    fix: `Restore ${path} from a copy, or start again in an empty directory.`,
    facts: { path, offset },
  });
}

/** The failure `LOG_TOO_SHORT`: an offset was asked for that the log has not reached. */
export function tooShort(dir: string, asked: { readonly fromOffset: number; readonly endOffset: number }): WeirError {
  return new WeirError({
    code: 'LOG_TOO_SHORT',
    message: `${dir}: offset ${asked.fromOffset} was asked for, but the log ends at ${asked.endOffset}`,
    fix: 'The log was cut or replaced. Restore it, or start again in an empty directory.',
    facts: { dir, ...asked },
  });
}
