import { setTimeout as delay } from 'node:timers/promises';
import {
  ConflictException,
  CreateSchemaCommand,
  DataFormat,
  EntityNotFoundException,
  GetSchemaByDefinitionCommand,
  GetSchemaVersionCommand,
  GlueClient,
  GlueServiceException,
  RegisterSchemaVersionCommand,
} from '@aws-sdk/client-glue';
import { refused, incompatible, unreachable } from './registry-failure.ts';
import type { RegisteredSchema, SchemaRegistry } from './port.ts';

const limits = { attempts: 4, looksAtNewVersion: 20, lookMs: 250 } as const;

/**
 * A registry of AWS Glue, by its name, in the region and with the credentials of the environment. A schema is named by its
 * subject and made when it is not there, with the mode BACKWARD. Glue checks a new version in the background: its id is
 * given once it is available.
 */
export function openGlueRegistry(
  name: string,
  client = new GlueClient({ maxAttempts: limits.attempts }),
): SchemaRegistry {
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof GlueServiceException && error.$fault === 'client')
        throw refused(`glue:${name}`, `${error.name}: ${error.message}`);
      if (error instanceof Error && error.name !== 'WeirError') throw unreachable(`glue:${name}`, error);
      throw error;
    }
  };
  return {
    framing: 'glue',
    register: (subject, schema) => guarded(() => register(client, { name, subject, schema })),
    schemaOf: (id) => guarded(() => schemaOf(client, String(id))),
  };
}

type Registration = { readonly name: string; readonly subject: string; readonly schema: RegisteredSchema };

async function register(client: GlueClient, { name, subject, schema }: Registration): Promise<string> {
  const SchemaId = { RegistryName: name, SchemaName: subject };
  const SchemaDefinition = schema.text;
  const known = await orNull(() => client.send(new GetSchemaByDefinitionCommand({ SchemaId, SchemaDefinition })));
  if (known?.SchemaVersionId !== undefined) return available(client, subject, known.SchemaVersionId);
  const added = await orNull(() => client.send(new RegisterSchemaVersionCommand({ SchemaId, SchemaDefinition })));
  if (added?.SchemaVersionId !== undefined) return available(client, subject, added.SchemaVersionId);
  try {
    const made = await client.send(
      new CreateSchemaCommand({
        RegistryId: { RegistryName: name },
        SchemaName: subject,
        DataFormat: schema.kind === 'avro' ? DataFormat.AVRO : DataFormat.JSON,
        Compatibility: 'BACKWARD',
        SchemaDefinition,
      }),
    );
    return await available(client, subject, made.SchemaVersionId ?? '');
  } catch (error) {
    // Somebody else has made it meanwhile.
    if (error instanceof ConflictException) return register(client, { name, subject, schema });
    throw error;
  }
}

/** Waits for Glue's check of a new version. */
async function available(client: GlueClient, subject: string, versionId: string): Promise<string> {
  for (let look = 0; look < limits.looksAtNewVersion; look++) {
    const { Status } = await client.send(new GetSchemaVersionCommand({ SchemaVersionId: versionId }));
    if (Status === 'AVAILABLE' || Status === undefined) return versionId;
    if (Status !== 'PENDING') throw incompatible(subject, `Glue says ${Status}`);
    await delay(limits.lookMs);
  }
  throw unreachable('glue', new Error(`version ${versionId} of ${subject} is still being checked`));
}

async function schemaOf(client: GlueClient, versionId: string): Promise<RegisteredSchema | null> {
  const found = await orNull(() => client.send(new GetSchemaVersionCommand({ SchemaVersionId: versionId })));
  if (found?.SchemaDefinition === undefined) return null;
  return { kind: found.DataFormat === 'AVRO' ? 'avro' : 'json', text: found.SchemaDefinition };
}

async function orNull<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof EntityNotFoundException) return null;
    throw error;
  }
}
