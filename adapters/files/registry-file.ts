import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { WeirError } from '../../core/contract/failure.ts';
import { type DeviceRegistry, parseRegistry, registryOfRows } from '../../core/telemetry/registry.ts';
import { withPath } from './failure.ts';

/** Reads a registry: CSV with a header where the name ends in `.csv`, JSON otherwise. Throws a `WeirError` that names the file. */
export function readRegistry(path: string): DeviceRegistry {
  const text = withPath(path, () => readFileSync(path, 'utf8'));
  try {
    return path.endsWith('.csv') ? registryOfRows(parseTable(text)) : parseRegistry(text);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    const { code, message, fix } = error;
    throw new WeirError({ code, message: `${path}: ${message}`, fix, facts: { path }, cause: error });
  }
}

function parseTable(text: string): Record<string, string>[] {
  try {
    return parse(text, { columns: true, bom: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new WeirError({
      code: 'REGISTRY_BAD',
      message: `got a table that is not CSV (${why}), expected a header and a row a sensor`,
      fix: 'Correct the file.',
      cause,
    });
  }
}
