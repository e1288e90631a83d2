import { type Command, Option } from 'commander';
import { openRegistry } from '../adapters/registry/open-registry.ts';
import type { SchemaRegistry } from '../adapters/registry/port.ts';
import type { RecordEncoding } from '../adapters/registry/record-writer.ts';

/** The options that say where schemas are known, and how records are written. */
export type RegistryOptions = { readonly registry?: string; readonly encoding: 'avro' | 'json' };

/** Adds the options that say where schemas are known. */
export function addRegistryOptions(command: Command): Command {
  return command
    .option('--registry <address>', 'schema registry: http(s)://..., glue:NAME or a folder; plain JSON without it')
    .addOption(
      new Option('--encoding <encoding>', 'of records that carry the id of a schema')
        .choices(['avro', 'json'])
        .default('avro'),
    );
}

/** Opens the registry that was asked for: how records are written and, for reading them, the registry itself. */
export async function openAskedRegistry({
  registry: address,
  encoding,
}: RegistryOptions): Promise<{ readonly registry: SchemaRegistry | null; readonly encoding: RecordEncoding }> {
  if (address === undefined) return { registry: null, encoding: null };
  const registry = await openRegistry(address);
  return { registry, encoding: { registry, encoding } };
}
