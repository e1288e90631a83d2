import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { WeirError } from '../../core/contract/failure.ts';
import type { Mapping } from '../../core/contract/mapping.ts';

/**
 * Imports a mapping file, a module that exports `mapping` or has it as its default export. It runs with the rights of this program. Throws a
 * `WeirError` that lists what is wrong with the export.
 */
export async function loadMapping(path: string): Promise<Mapping> {
  let module: unknown;
  try {
    module = await import(pathToFileURL(resolve(path)).href);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WeirError({
      code: 'MAPPING_NOT_LOADED',
      message: `got a mapping file ${path} that does not load: ${reason}`,
      fix: 'Check the path and the file; examples/small/mapping.ts is one to copy.',
      facts: { path },
      cause,
    });
  }
  const mapping: unknown = isObject(module) ? (module.mapping ?? module.default) : undefined;
  if (isMapping(mapping)) return mapping;
  throw new WeirError({
    code: 'MAPPING_BAD',
    message: `got a mapping file ${path} with ${listFaults(mapping).join(', ')}`,
    fix: 'Let it export `mapping` of the type Mapping; examples/small/mapping.ts is one to copy.',
    facts: { path },
  });
}

/** What a mapping is chosen by: the one that was asked for, else the first of the built-in ones with the most columns. */
export type MappingChoice = {
  readonly path: string;
  readonly columns: readonly string[];
  readonly mapping?: Mapping;
  readonly builtInMappings?: readonly Mapping[];
};

/** The mapping for a source's columns. Throws a `WeirError` when the one asked for lacks a column, or none fits. */
export function chooseMapping({ path, columns, mapping, builtInMappings = [] }: MappingChoice): Mapping {
  const present = new Set(columns);
  if (mapping !== undefined) {
    const missing = mapping.columns.filter((column) => !present.has(column));
    if (missing.length === 0) return mapping;
    throw new WeirError({
      code: 'MAPPING_COLUMNS_MISSING',
      message: `${path}: got the columns ${columns.join(', ')}, expected also ${missing.join(', ')} for mapping ${mapping.name}`,
      fix: 'Name the mapping that fits with --mapping, or correct the header.',
      facts: { path, mapping: mapping.name, missing: missing.join(', ') },
    });
  }
  const fitting = builtInMappings.filter((candidate) => candidate.columns.every((column) => present.has(column)));
  const [best] = fitting.toSorted((left, right) => right.columns.length - left.columns.length);
  if (best !== undefined) return best;
  const known = builtInMappings.map((candidate) => `${candidate.name} (${candidate.columns.join(', ')})`);
  throw new WeirError({
    code: 'MAPPING_NOT_FOUND',
    message: `${path}: got the columns ${columns.join(', ')}, expected those of a mapping: ${known.join('; ') || 'none is built in'}`,
    fix: 'Write a mapping (examples/small/mapping.ts is one to copy) and name it with --mapping.',
    facts: { path },
  });
}

function isMapping(value: unknown): value is Mapping {
  return listFaults(value).length === 0;
}

function listFaults(value: unknown): readonly string[] {
  if (!isObject(value)) return ['no export named mapping'];
  const { name, version, topic, columns, keys, map } = value;
  const faults: string[] = [];
  if (typeof name !== 'string' || name === '') faults.push('no name');
  if (typeof version !== 'number' || !Number.isSafeInteger(version)) faults.push('no whole number as its version');
  if (typeof topic !== 'string' || topic === '') faults.push('no topic');
  const isList = Array.isArray(columns) && columns.length > 0 && columns.every((column) => typeof column === 'string');
  if (!isList) faults.push('no list of columns');
  if (keys !== undefined && !isTableKeys(keys)) faults.push('keys that are no lists of columns by table');
  if (typeof map !== 'function') faults.push('no function map');
  return faults;
}

function isTableKeys(value: unknown): boolean {
  if (!isObject(value)) return false;
  const isColumns = (columns: unknown): boolean =>
    Array.isArray(columns) && columns.length > 0 && columns.every((column) => typeof column === 'string');
  return Object.values(value).every(isColumns);
}

function isObject(
  value: unknown,
): value is Readonly<
  Record<'name' | 'version' | 'topic' | 'columns' | 'keys' | 'map' | 'mapping' | 'default', unknown>
> {
  return typeof value === 'object' && value !== null;
}
