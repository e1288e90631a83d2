import { join } from 'node:path';
import { keptCheckpoints, saveCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { type KeyColumns, writeKeyColumns } from '../adapters/files/key-index.ts';
import { createPart, type PartEntry, type PartFile, removeParts } from '../adapters/files/part-file.ts';
import type { Owner } from '../adapters/files/owner-lock.ts';
import type { Counts } from '../core/sinks/effects.ts';
import type { HalfName, PartSink } from './state-part.ts';

/** What makes a cut whose lake files are durable one that recovery begins from: its ids, then both halves of the state. */
export type KeptCut = {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly keys: KeyColumns;
  readonly counts: Counts;
};

/** The parts of each half, the whole one first. */
export type PartLists = Readonly<Record<HalfName, readonly PartEntry[]>>;

/** What a checkpoint of this engine holds beside its offset. */
export type ColumnarCheckpoint = {
  readonly engine: 'columnar';
  /** The hash of the definition that the state is of. */
  readonly definition: string;
  readonly counts: Counts;
  readonly parts: PartLists;
};

export type CutKeeperOptions = {
  readonly dir: string;
  /** Whoever keeps cuts must own the directory still when it names one: what it waits for may take long. */
  readonly owner: Pick<Owner, 'epoch' | 'assertOwner'>;
  /** Of the checkpoint that the run began from. */
  readonly parts: PartLists;
  /** The hash of the definition that the state is of. */
  readonly definition: string;
  readonly disk?: Disk;
};

/** No part of either half. */
export const noParts: PartLists = { front: [], back: [] };

/** Writes the parts of both halves, and the checkpoint of a cut once both have ended theirs. */
export class CutKeeper {
  readonly #options: CutKeeperOptions;
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #halves: Readonly<Record<HalfName, HalfParts>>;

  constructor(options: CutKeeperOptions) {
    this.#options = options;
    this.#disk = options.disk ?? realDisk;
    this.#dir = join(options.dir, 'checkpoints');
    const { front, back } = options.parts;
    this.#halves = { front: halfParts(front), back: halfParts(back) };
  }

  /** Where a half's blocks go. Throws `DISK_FULL`. */
  sinkOf(half: HalfName): PartSink {
    const parts = this.#halves[half];
    return {
      begin: ({ name, extent }) => {
        parts.open = createPart({ dir: this.#dir, name, disk: this.#disk });
        if (extent === 'whole') parts.list = [];
      },
      append: (kind, bytes) => parts.open?.append(kind, bytes),
      end: () => {
        if (parts.open === null) throw new Error(`got the end of a part of the ${half}, expected its beginning`);
        parts.list = [...parts.list, parts.open.finish()];
        parts.open = null;
        parts.ended.push(parts.list);
        parts.waiting.shift()?.();
      },
    };
  }

  /** Writes the index of a cut's ids, then, once both halves have ended their parts, the checkpoint. Throws `DISK_FULL`. */
  async keep({ startOffset, endOffset, keys, counts }: KeptCut): Promise<void> {
    this.#options.owner.assertOwner();
    const dir = join(this.#options.dir, 'keys');
    writeKeyColumns({ dir, startOffset, endOffset, keys, disk: this.#disk });
    await this.save({ endOffset, counts });
  }

  /** Writes the checkpoint at an offset once both halves have ended their parts. Throws `DISK_FULL`, `FENCED`. */
  async save({ endOffset, counts }: Pick<KeptCut, 'endOffset' | 'counts'>): Promise<void> {
    const { owner, definition } = this.#options;
    const front = await nextEnded(this.#halves.front);
    const back = await nextEnded(this.#halves.back);
    const value: ColumnarCheckpoint = { engine: 'columnar', definition, counts, parts: { front, back } };
    owner.assertOwner();
    saveCheckpoint({ dir: this.#dir, offset: endOffset, epoch: owner.epoch, value, disk: this.#disk });
    this.#removeUnnamed(endOffset);
  }

  /** Closes parts that will not be finished. */
  close(): void {
    for (const half of Object.values(this.#halves)) {
      half.open?.abandon();
      half.open = null;
    }
  }

  #removeUnnamed(untilOffset: number): void {
    const checkpoints = keptCheckpoints(this.#dir, this.#disk);
    const named = new Set(checkpoints.flatMap(({ value }) => partsOf(value).map(({ name }) => name)));
    removeParts({ dir: this.#dir, named, untilOffset, disk: this.#disk });
  }
}

/** The parts that a checkpoint names; it is the engine's own, behind its checksum. */
export function partsOf(value: unknown): readonly PartEntry[] {
  const { parts } = value as ColumnarCheckpoint;
  return [...parts.front, ...parts.back];
}

type HalfParts = {
  list: readonly PartEntry[];
  open: PartFile | null;
  /** The lists of parts that have ended and that no checkpoint has yet. */
  readonly ended: (readonly PartEntry[])[];
  readonly waiting: (() => void)[];
};

function halfParts(list: readonly PartEntry[]): HalfParts {
  return { list, open: null, ended: [], waiting: [] };
}

async function nextEnded(half: HalfParts): Promise<readonly PartEntry[]> {
  if (half.ended.length === 0) {
    await new Promise<void>((resolve) => {
      half.waiting.push(resolve);
    });
  }
  const ended = half.ended.shift();
  if (ended === undefined) throw new Error('got no ended part, expected one');
  return ended;
}
