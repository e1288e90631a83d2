import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { realDisk } from '../../adapters/files/disk.ts';
import { makeDirectory, writeDurably, writeFully } from '../../adapters/files/durable-file.ts';
import { openRegistry } from '../../adapters/registry/open-registry.ts';
import type { SchemaId } from '../../adapters/registry/port.ts';
import { schemaOfContract } from '../../adapters/registry/contract-schemas.ts';
import { contracts } from '../../core/contract/contracts.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { formatRows } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { say, sayJson } from '../terminal.ts';

const formats = { 'json-schema': 'json', avro: 'avro' } as const;
const endings = { 'json-schema': 'schema.json', avro: 'avsc' } as const;

type ExportOptions = {
  readonly format: keyof typeof formats;
  readonly contract?: string;
  readonly out?: string;
  readonly registry?: string;
  readonly prefix: string;
  readonly json?: true;
};

/** Adds `weir contracts export`. */
export function addContractsExport(contractsCommand: Command, invocation: Invocation): void {
  const command = contractsCommand
    .command('export')
    .description(
      'Prints the contracts as JSON Schema (draft 7) or Avro, writes them to files, or makes them known to a registry.',
    )
    .addOption(new Option('--format <format>', 'which language').choices(Object.keys(formats)).default('json-schema'))
    .option('--contract <topic>', 'one contract alone')
    .option('--out <dir>', 'write a file for each contract there')
    .option('--registry <address>', 'register each as TOPIC-value: http(s)://..., glue:NAME or a folder')
    .option('--prefix <text>', 'before the name of each topic in the registry, such as prod.', '')
    .addOption(jsonOption());
  addExamples(
    command,
    'weir contracts export --format avro --contract payments.authorization.v1',
    'weir contracts export --format avro --out weir-out/schemas',
    'weir contracts export --format avro --registry weir-out/registry',
  );
  command.action(async (options: ExportOptions) => {
    invocation.exitCode = await exportContracts(options);
  });
}

async function exportContracts(options: ExportOptions): Promise<number> {
  const { format, out, registry, prefix, json } = options;
  const exported = chosen(options.contract).map((contract) => ({
    topic: contract.topic,
    schema: schemaOfContract(contract, formats[format]),
  }));
  if (out === undefined && registry === undefined) {
    const schemas = exported.map(({ schema }): unknown => JSON.parse(schema.text));
    sayJson(options.contract === undefined ? schemas : schemas[0]);
    return exitCodes.ok;
  }
  const files: string[] = [];
  if (out !== undefined) {
    makeDirectory(realDisk, out);
    for (const { topic, schema } of exported) {
      const path = join(out, `${topic}.${endings[format]}`);
      const text = `${JSON.stringify(JSON.parse(schema.text), null, 2)}\n`;
      writeDurably(realDisk, path, (fd) => writeFully(realDisk, fd, Buffer.from(text)));
      files.push(path);
    }
  }
  const ids: { readonly subject: string; readonly id: SchemaId }[] = [];
  if (registry !== undefined) {
    const opened = await openRegistry(registry);
    for (const { topic, schema } of exported) {
      const subject = `${prefix}${topic}-value`;
      ids.push({ subject, id: await opened.register(subject, schema) });
    }
  }
  if (json) sayJson({ files, registered: ids });
  else say([...files.map((path) => `wrote ${path}`), ...idLines(ids)].join('\n'));
  return exitCodes.ok;
}

function idLines(ids: readonly { readonly subject: string; readonly id: SchemaId }[]): string[] {
  return ids.length === 0
    ? []
    : [formatRows([['subject', 'id'], ...ids.map(({ subject, id }) => [subject, String(id)])])];
}

function chosen(topic: string | undefined) {
  const all = [...contracts.values()];
  if (topic === undefined) return all;
  const one = all.filter((contract) => contract.topic === topic);
  if (one.length > 0) return one;
  throw new WeirError({
    code: 'USAGE',
    message: `got contract ${topic}, expected one of ${all.map((contract) => contract.topic).join(', ')}`,
    fix: 'weir contracts list shows them.',
    facts: { topic },
  });
}
