import type { TableKeys } from '../../core/contract/change-event.ts';
import type { ChangeFormat } from '../../core/contract/change-format.ts';
import { readVersions } from '../../core/decode/row-versions.ts';
import type { SourceBytes } from './source-bytes.ts';
import { splitLines } from './source-lines.ts';
import { tooLongMessage } from './source-jsonl.ts';
import type { ReadRow } from './source-rows.ts';

/** Changes of a database, a record of a capture each line; what captures say beside changes makes no rows. */
export async function* readChangeLines(
  input: SourceBytes,
  { format, keys }: { readonly format: ChangeFormat; readonly keys: TableKeys },
): AsyncGenerator<readonly ReadRow[]> {
  for await (const lines of splitLines(input.chunks(), 'none')) {
    yield lines.map(({ bytes, damage }): ReadRow => {
      if (damage !== null) return { kind: 'damaged', message: tooLongMessage, bytes };
      const read = readVersions(format, bytes, keys);
      return read.ok ? { kind: 'rows', rows: read.versions, bytes } : { kind: 'damaged', message: read.message, bytes };
    });
  }
}
