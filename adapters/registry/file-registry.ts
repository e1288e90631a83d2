import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type CompatibilityMode, compatibilityModes } from '../../core/contract/compatibility-mode.ts';
import type { RegisteredSchema, SchemaRegistry } from './port.ts';
import { incompatible, refused } from './registry-failure.ts';
import { whyNotAfter } from './schema-rules.ts';

const schemaFile = z.strictObject({ kind: z.enum(['avro', 'json']), text: z.string() });
const versionFile = z.strictObject({ schemaId: z.int() });
const settingsFile = z.strictObject({ compatibility: z.enum(compatibilityModes) });

/**
 * A registry in a folder that its users share, without a server. An id is the first four bytes of the schema's SHA-256, so
 * that two who register at once agree; `subjects/NAME/N.json` says which schema is version N, made by a link that fails
 * where it is there already. `settings.json` may name another mode than BACKWARD: `{"compatibility":"FULL"}`.
 */
export function openFileRegistry(dir: string): SchemaRegistry {
  const schemasDir = join(dir, 'schemas');
  const schemaOf = (id: number): RegisteredSchema | null => {
    const text = readIfAny(join(schemasDir, `${id}.json`));
    return text === null ? null : readAs(schemaFile, text, dir);
  };
  const subjectDirOf = (subject: string) => join(dir, 'subjects', encodeURIComponent(subject));
  const idsOf = (subject: string): number[] => {
    const subjectDir = subjectDirOf(subject);
    mkdirSync(subjectDir, { recursive: true });
    const numbers = readdirSync(subjectDir).flatMap((name) => {
      const [, number] = /^(\d+)\.json$/.exec(name) ?? [];
      return number === undefined ? [] : [Number(number)];
    });
    return numbers
      .toSorted((left, right) => left - right)
      .map((number) => readAs(versionFile, readFileSync(join(subjectDir, `${number}.json`), 'utf8'), dir).schemaId);
  };
  const register = (subject: string, schema: RegisteredSchema): number => {
    const id = idOf(schema);
    for (;;) {
      const ids = idsOf(subject);
      if (ids.includes(id)) return id;
      const earlier = ids.flatMap((known) => schemaOf(known) ?? []);
      const why = whyNotAfter(modeOf(dir), { subject, schema, earlier });
      if (why !== null) throw incompatible(subject, why);
      const kept = schemaOf(id);
      if (kept !== null && kept.text !== schema.text) throw refused(dir, `two schemas have the id ${id}`);
      mkdirSync(schemasDir, { recursive: true });
      createFile(join(schemasDir, `${id}.json`), schema);
      if (createFile(join(subjectDirOf(subject), `${ids.length + 1}.json`), { schemaId: id })) return id;
    }
  };
  return {
    framing: 'confluent',
    register: (subject, schema) => Promise.resolve().then(() => register(subject, schema)),
    schemaOf: (id) => Promise.resolve().then(() => (typeof id === 'number' ? schemaOf(id) : null)),
  };
}

function idOf({ kind, text }: RegisteredSchema): number {
  return createHash('sha256').update(`${kind}\n${text}`).digest().readUInt32BE() >>> 1;
}

function modeOf(dir: string): CompatibilityMode {
  const text = readIfAny(join(dir, 'settings.json'));
  return text === null ? 'BACKWARD' : readAs(settingsFile, text, dir).compatibility;
}

/** Makes a file appear whole or not at all; false when it is there already. */
function createFile(path: string, value: object): boolean {
  const own = join(dirname(path), `${randomUUID()}.new`);
  try {
    writeFileSync(own, JSON.stringify(value), { flush: true });
    linkSync(own, path);
    const dir = openSync(dirname(path), 'r');
    fsyncSync(dir);
    closeSync(dir);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function readIfAny(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}

function readAs<T>(schema: z.ZodType<T>, text: string, dir: string): T {
  const value: unknown = JSON.parse(text);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw refused(dir, `one of its files holds something else: ${z.prettifyError(parsed.error)}`);
}
