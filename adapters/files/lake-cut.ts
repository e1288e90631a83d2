import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { TableSchema } from '../../core/sinks/table-schema.ts';
import type { Disk } from './disk.ts';
import { offsetName, syncDirectory } from './durable-file.ts';
import { withPath, wrapFsError } from './failure.ts';
import { endPart, endPartSlowly, type LakePart, removePart } from './lake-part.ts';
import { type LakeTable, type OpenTable, openTable } from './lake-table.ts';

/**
 * The effects of the records from a start offset on, on their way into the lake. Full row groups go to temporary files as
 * they come, so memory never holds a whole cut.
 */
export type LakeCut = {
  readonly startOffset: number;
  /** The writer of a table, the same one for the same schema. */
  readonly table: (schema: TableSchema) => LakeTable;
  /**
   * Gives the files their names and makes them durable: afterwards a checkpoint at `endOffset` may rely on the cut, which
   * is then done. Tables without rows have no file. `assertOwner` is asked right before the names are given. Throws
   * `DISK_FULL`; no file of the cut is left then.
   */
  readonly finish: (endOffset: number, assertOwner?: () => void) => Promise<void>;
  /** As `finish`, in one go. */
  readonly finishSync: (endOffset: number) => void;
  /** Throws the unfinished files away. */
  readonly abandon: () => void;
};

/** Encoding a part takes tens of milliseconds: what waits for a decision goes in between. */
const pauses = { sliceMs: 1, pause: () => turn() } as const;

/** Starts a cut of the lake in a directory. */
export function openCut(options: { disk: Disk; dir: string; startOffset: number; epoch: number }): LakeCut {
  const { disk, startOffset } = options;
  const tables = new Map<TableSchema, OpenTable>();
  const partsOf = (): LakePart[] => [...tables.values()].flatMap(({ parts }) => [...parts.values()]);
  const table = (schema: TableSchema): LakeTable => {
    const known = tables.get(schema);
    if (known !== undefined) return known.writer;
    const opened = openTable({ ...options, schema });
    tables.set(schema, opened);
    return opened.writer;
  };
  const abandon = (): void => partsOf().forEach(removePart);
  return {
    startOffset,
    table,
    abandon,
    finish: async (endOffset, assertOwner) => {
      const parts = partsOf();
      try {
        for (const part of parts) {
          await endPartSlowly(part, pauses);
        }
        await syncAll(
          disk,
          parts.map(({ temporaryPath }) => temporaryPath),
        );
        assertOwner?.();
        parts.forEach((part) => nameOf(part, { startOffset, endOffset }));
        await syncAll(disk, [...new Set(parts.map((part) => part.dir))]);
      } catch (error) {
        abandon();
        throw error;
      }
    },
    finishSync: (endOffset) => {
      const parts = partsOf();
      try {
        parts.forEach(endPart);
        for (const { temporaryPath } of parts) syncDirectory(disk, temporaryPath);
        parts.forEach((part) => nameOf(part, { startOffset, endOffset }));
        for (const folder of new Set(parts.map((part) => part.dir))) syncDirectory(disk, folder);
      } catch (error) {
        abandon();
        throw error;
      }
    },
  };
}

function nameOf({ disk, dir, temporaryPath }: LakePart, cut: { startOffset: number; endOffset: number }): void {
  const name = `${offsetName(cut.startOffset)}-${offsetName(cut.endOffset)}.parquet`;
  withPath(temporaryPath, () => disk.rename(temporaryPath, join(dir, name)));
}

const syncsMax = 8;

/** Makes files, or the names in directories, durable: some at a time. */
async function syncAll(disk: Disk, paths: readonly string[]): Promise<void> {
  for (let start = 0; start < paths.length; start += syncsMax) {
    await Promise.all(paths.slice(start, start + syncsMax).map((path) => syncPath(disk, path)));
  }
}

async function syncPath(disk: Disk, path: string): Promise<void> {
  const fd = withPath(path, () => disk.open(path, 'r'));
  try {
    await disk.syncLater(fd);
  } catch (error) {
    throw wrapFsError(error, path);
  } finally {
    disk.close(fd);
  }
}
