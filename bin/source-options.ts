import { type Command, Option } from 'commander';
import { loadMapping } from '../adapters/files/source-mapping.ts';
import {
  openSource,
  type Source,
  type SourceFormat,
  sourceFormats,
  type SourceItem,
} from '../adapters/files/source.ts';
import { WeirError } from '../core/contract/failure.ts';
import { mapping as handbookMapping } from '../examples/handbook/mapping.ts';

/** The options that say what is read. */
export type SourceFileOptions = {
  readonly source: string;
  readonly mapping?: string;
  readonly format?: SourceFormat;
};

/** Adds the options that say what is read. */
export function addSourceOptions(command: Command): Command {
  return command
    .requiredOption('--source <file>', 'CSV, JSONL, Parquet, or changes of a database; - is standard input')
    .option('--mapping <file>', 'how rows become events (built in: the handbook columns)')
    .addOption(new Option('--format <format>', 'when the name does not say it').choices(sourceFormats));
}

/** Opens the source that was asked for. Throws a `WeirError` that says what to do when it cannot be read. */
export async function openAskedSource({ source: path, mapping, format }: SourceFileOptions): Promise<Source> {
  const chosen = mapping === undefined ? {} : { mapping: await loadMapping(mapping) };
  try {
    return await openSource({
      path,
      builtInMappings: [handbookMapping],
      ...chosen,
      ...(format === undefined ? {} : { format }),
    });
  } catch (error) {
    if (!(error instanceof WeirError) || error.code !== 'FILE_NOT_FOUND') throw error;
    throw new WeirError({
      code: 'SOURCE_MISSING',
      message: `got no file at ${path}, expected a source`,
      fix: 'Check --source, or make one: weir generate --events 10000 --out payments.jsonl',
      facts: { path },
      cause: error,
    });
  }
}

/** The same batches until a signal; a source that is silent, such as standard input, does not hold it up. */
export async function* untilAborted(
  items: AsyncIterable<readonly SourceItem[]>,
  signal: AbortSignal,
): AsyncGenerator<readonly SourceItem[]> {
  const aborted = new Promise<'aborted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
  const iterator = items[Symbol.asyncIterator]();
  while (!signal.aborted) {
    const coming = iterator.next();
    const next = await Promise.race([coming, aborted]);
    if (next === 'aborted') {
      coming.catch(() => undefined);
      process.stdin.destroy();
      return;
    }
    if (next.done === true) return;
    yield next.value;
  }
}
