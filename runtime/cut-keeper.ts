import { join } from 'node:path';
import { saveCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { type KeyColumns, writeKeyColumns } from '../adapters/files/key-index.ts';
import type { Counts } from '../core/sinks/effects.ts';

/** What makes a cut whose lake files are durable one that recovery begins from: its ids, then both halves of the state. */
export type KeptCut = {
  readonly dir: string;
  readonly epoch: number;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly keys: KeyColumns;
  readonly front: Uint8Array;
  readonly back: Uint8Array;
  readonly counts: Counts;
};

/** What a checkpoint of this engine holds beside its offset. */
export type ColumnarCheckpoint = {
  readonly engine: 'columnar';
  readonly front: Uint8Array;
  readonly back: Uint8Array;
  readonly counts: Counts;
};

/** Writes the index of a cut's ids, then the checkpoint. Throws `DISK_FULL`. */
export function keepCut({ dir, epoch, startOffset, endOffset, keys, front, back, counts }: KeptCut): void {
  writeKeyColumns({ dir: join(dir, 'keys'), startOffset, endOffset, keys });
  const value: ColumnarCheckpoint = { engine: 'columnar', front, back, counts };
  saveCheckpoint({ dir: join(dir, 'checkpoints'), offset: endOffset, epoch, value });
}
