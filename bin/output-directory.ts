import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet';
import { z } from 'zod';
import type { Lake } from '../adapters/files/lake.ts';
import { loadCheckpoint } from '../adapters/files/checkpoint-store.ts';
import { realDisk } from '../adapters/files/disk.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { LedgerHead } from '../core/sinks/audit-chain.ts';
import type { ColumnarCheckpoint } from '../runtime/cut-keeper.ts';
import { readManifest, type Manifest } from '../runtime/manifest.ts';
import { type HalfName, readRest } from '../runtime/state-part.ts';

/** What a run left in one folder of its directory. */
export type FolderSize = { readonly folder: string; readonly files: number; readonly sizeBytes: number };

/** What a checkpoint tells to those who only look. */
export type CheckpointFacts = {
  readonly offset: number;
  readonly watermarkMs: number;
  /** Where the ledger ends, and its sums. */
  readonly ledgerHead: LedgerHead;
};

const manifestSchema = z.object({
  engine: z.enum(['columnar', 'twin']),
  source: z.object({
    path: z.string(),
    sizeBytes: z.number().nullable(),
    format: z.string(),
    mapping: z.object({ name: z.string(), version: z.number() }).nullable(),
  }),
  definition: z.object({ name: z.string(), version: z.number(), hash: z.string() }),
  rules: z.object({ id: z.string(), version: z.number(), hash: z.string() }),
  model: z.object({ id: z.string(), version: z.string(), hash: z.string() }),
});

const openBlockSchema = z.object({
  firstSequence: z.number(),
  entries: z.number(),
  previousHash: z.string(),
  bytes: z.instanceof(Uint8Array),
  usedBytes: z.number(),
});

const exactInteger = z.union([z.number(), z.bigint()]);

const currencyTotalsSchema = z.object({
  heldMinor: exactInteger,
  clearedMinor: exactInteger,
  reversedMinor: exactInteger,
  expiredMinor: exactInteger,
  unmatchedMinor: exactInteger,
  authorizationEntries: z.number(),
  clearingEntries: z.number(),
  reversalEntries: z.number(),
  expiryEntries: z.number(),
  unmatchedEntries: z.number(),
});

const timeSchema = z.union([z.number(), z.literal(Infinity), z.literal(-Infinity)]);
const ledgerSchema = z.object({ openBlock: openBlockSchema, totals: z.map(z.string(), currencyTotalsSchema) });
const savedSchema = z.object({
  state: z.object({ watermarks: z.object({ stateMs: timeSchema }), ledger: ledgerSchema }),
});
const columnarSchema = z.object({
  front: z.object({ admission: z.object({ stateMs: timeSchema }) }),
  back: z.object({ ledger: ledgerSchema }),
});

/** The manifest of a directory that a run has made. Throws `RUN_MISSING` for any other. */
export function requireRun(dir: string): Manifest {
  const manifest = manifestSchema.safeParse(readManifest(dir));
  if (manifest.success) return manifest.data;
  throw new WeirError({
    code: 'RUN_MISSING',
    message: existsSync(dir) ? `got ${dir}, which no run has written to` : `got no directory at ${dir}`,
    fix: 'Name the --out of a run; `weir demo` makes one.',
    facts: { dir },
  });
}

/** The newest good checkpoint of a directory, null before the first one. */
export function readCheckpoint(dir: string): CheckpointFacts | null {
  const { checkpoint } = loadCheckpoint({ dir: join(dir, 'checkpoints') });
  if (checkpoint === null) return null;
  const { offset, value } = checkpoint;
  if (isColumnar(value)) {
    const restOf = (half: HalfName): unknown =>
      readRest({ dir: join(dir, 'checkpoints'), parts: value.parts[half], disk: realDisk });
    const { front, back } = columnarSchema.parse({ front: restOf('front'), back: restOf('back') });
    return { offset, watermarkMs: front.admission.stateMs, ledgerHead: back.ledger };
  }
  const { state } = savedSchema.parse(value);
  return { offset, watermarkMs: state.watermarks.stateMs, ledgerHead: state.ledger };
}

function isColumnar(value: unknown): value is ColumnarCheckpoint {
  return typeof value === 'object' && value !== null && 'engine' in value && value.engine === 'columnar';
}

/** The first of `name`, `name-2`, `name-3` ... that does not exist. */
function freeDirectory(name: string): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (!existsSync(candidate)) return candidate;
  }
}

/** Where a demonstration writes: the empty or new directory that it was told, or a new one. Throws `OUT_TAKEN`. */
export function demoDirectory({ out, name }: { readonly out: string | undefined; readonly name: string }): string {
  if (out === undefined) return freeDirectory(join('weir-out', name));
  if (!existsSync(out) || readdirSync(out).length === 0) return out;
  throw new WeirError({
    code: 'OUT_TAKEN',
    message: `got --out ${out}, which is not empty; a demo begins anew`,
    fix: 'Name another folder, or leave --out away.',
  });
}

/** Files and bytes of each folder of a directory, those of the lake table by table. */
export function folderSizes(dir: string): FolderSize[] {
  const sizes: FolderSize[] = [];
  for (const name of ['log', 'journal', 'lake', 'keys', 'identities', 'panes', 'checkpoints']) {
    if (!existsSync(join(dir, name))) continue;
    const folders = name === 'lake' ? readdirSync(join(dir, name)).map((table) => `${name}/${table}`) : [name];
    for (const folder of folders) sizes.push({ folder, ...sizeOf(join(dir, folder)) });
  }
  return sizes.filter(({ files }) => files > 0);
}

/** How many rows the files of a table say they have. */
export async function countRows(lake: Lake, table: string): Promise<number> {
  let rows = 0;
  for (const { path } of lake.listFiles(table)) {
    rows += Number((await parquetMetadataAsync(await asyncBufferFromFile(path))).num_rows);
  }
  return rows;
}

function sizeOf(dir: string): { readonly files: number; readonly sizeBytes: number } {
  let files = 0;
  let sizeBytes = 0;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files += 1;
    sizeBytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return { files, sizeBytes };
}
