import type { SchemaRegistry } from './port.ts';

/**
 * Opens the registry at an address: `http://...` or `https://...` speaks Confluent's protocol, `glue:NAME` is a registry of
 * AWS Glue, and anything else is a folder. Libraries are loaded for the one that is asked for.
 */
export async function openRegistry(address: string): Promise<SchemaRegistry> {
  if (/^https?:\/\//.test(address)) {
    const { openConfluentRegistry } = await import('./confluent-registry.ts');
    return openConfluentRegistry(address);
  }
  if (address.startsWith('glue:')) {
    const { openGlueRegistry } = await import('./glue-registry.ts');
    return openGlueRegistry(address.slice('glue:'.length));
  }
  const { openFileRegistry } = await import('./file-registry.ts');
  return openFileRegistry(address);
}
