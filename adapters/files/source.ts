import type { Mapping } from '../../core/contract/mapping.ts';
import { type ChangeFormat, changeFormats } from '../../core/contract/change-format.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { openFileBytes, openStreamBytes, type SourceBytes } from './source-bytes.ts';
import { readChangeLines } from './source-changes.ts';
import { openCsv } from './source-csv.ts';
import { mapJsonLines, passJsonLines } from './source-jsonl.ts';
import { chooseMapping } from './source-mapping.ts';
import { openParquet } from './source-parquet.ts';
import { mapRows, type SourceItem } from './source-rows.ts';

export type { SourceItem } from './source-rows.ts';

/** The formats that a source may have. */
export const sourceFormats = ['csv', 'jsonl', 'parquet', ...changeFormats] as const;
export type SourceFormat = (typeof sourceFormats)[number];

/** A bounded input whose items come in the same order every time, so that a reader resumes by skipping the first ones. */
export type Source = {
  readonly identity: {
    /** As given; `-` is standard input. */
    readonly path: string;
    /** Null for standard input. */
    readonly sizeBytes: number | null;
    readonly format: SourceFormat;
    /** The mapping that turns its rows into events; null where lines are events already. */
    readonly mapping: { readonly name: string; readonly version: number } | null;
  };
  /** The items in batches; a file from its beginning each time, standard input once. */
  events(): AsyncGenerator<readonly SourceItem[]>;
  /** Null where only reading tells. */
  readonly rowsTotal: number | null;
};

export type SourceOptions = {
  /** Of a file, or `-` for standard input. */
  readonly path: string;
  /** Without it the suffix tells; standard input is JSONL. */
  readonly format?: SourceFormat;
  readonly mapping?: Mapping;
  /** Of these, the one whose columns the source has is used when no mapping is given; never for JSONL. */
  readonly builtInMappings?: readonly Mapping[];
  readonly standardInput?: AsyncIterable<Uint8Array>;
};

/**
 * Opens a CSV, JSONL or Parquet source, or the changes of a database, a record a line. Throws a `WeirError` when the file cannot be read, its format is unknown, it has
 * no header, or no mapping fits its columns; rows and lines that are no events never stop it: they become items of the
 * topic for unmappable rows.
 */
export async function openSource(options: SourceOptions): Promise<Source> {
  const format = options.format ?? formatOf(options.path);
  switch (format) {
    case 'csv':
      return openCsvSource(options, openBytes(options));
    case 'jsonl':
      return openJsonlSource(options, openBytes(options));
    case 'parquet':
      return openParquetSource(options);
    case 'debezium':
    case 'dms':
    case 'maxwell':
      return openChangesSource(options, format);
  }
}

function openBytes({ path, standardInput }: SourceOptions): SourceBytes {
  return path === '-' ? openStreamBytes(standardInput ?? process.stdin) : openFileBytes(path);
}

async function openCsvSource(options: SourceOptions, input: SourceBytes): Promise<Source> {
  const { path } = options;
  const csv = await openCsv(input, path);
  const mapping = chooseMapping({ ...options, columns: csv.columns });
  return {
    identity: { path, sizeBytes: input.sizeBytes, format: 'csv', mapping: nameOf(mapping) },
    events: () => mapRows(csv.rows(), mapping),
    rowsTotal: null,
  };
}

function openJsonlSource({ path, mapping }: SourceOptions, input: SourceBytes): Source {
  return {
    identity: {
      path,
      sizeBytes: input.sizeBytes,
      format: 'jsonl',
      mapping: mapping === undefined ? null : nameOf(mapping),
    },
    events: () => (mapping === undefined ? passJsonLines(input) : mapRows(mapJsonLines(input), mapping)),
    rowsTotal: null,
  };
}

function openChangesSource(options: SourceOptions, format: ChangeFormat): Source {
  const { path, mapping } = options;
  if (mapping === undefined) {
    throw new WeirError({
      code: 'MAPPING_MISSING',
      message: `${path}: got changes of a database without a mapping, expected one that makes events of them`,
      fix: 'Name one with --mapping; examples/changes/mapping.ts is one to copy.',
      facts: { path, format },
    });
  }
  const input = openBytes(options);
  return {
    identity: { path, sizeBytes: input.sizeBytes, format, mapping: nameOf(mapping) },
    events: () => mapRows(readChangeLines(input, { format, keys: mapping.keys ?? {} }), mapping),
    rowsTotal: null,
  };
}

async function openParquetSource(options: SourceOptions): Promise<Source> {
  const { path } = options;
  if (path === '-') {
    throw new WeirError({
      code: 'SOURCE_NOT_A_FILE',
      message: 'got Parquet on standard input, expected a file: its index is at the end',
      fix: 'Write it to a file and name that.',
    });
  }
  const parquet = await openParquet(path);
  const mapping = chooseMapping({ ...options, columns: parquet.columns });
  return {
    identity: { path, sizeBytes: parquet.sizeBytes, format: 'parquet', mapping: nameOf(mapping) },
    events: () => mapRows(parquet.rows(mapping.columns), mapping),
    rowsTotal: parquet.rowsTotal,
  };
}

function nameOf({ name, version }: Mapping): { readonly name: string; readonly version: number } {
  return { name, version };
}

const formatsBySuffix: ReadonlyMap<string, SourceFormat> = new Map([
  ['csv', 'csv'],
  ['jsonl', 'jsonl'],
  ['ndjson', 'jsonl'],
  ['parquet', 'parquet'],
]);

function formatOf(path: string): SourceFormat {
  if (path === '-') return 'jsonl';
  const suffix = /\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  const format = formatsBySuffix.get(suffix);
  if (format !== undefined) return format;
  throw new WeirError({
    code: 'SOURCE_FORMAT_UNKNOWN',
    message: `got ${path}, expected a name that ends in .${[...formatsBySuffix.keys()].join(', .')}`,
    fix: `Name the format with --format ${sourceFormats.join('|')}.`,
    facts: { path },
  });
}
