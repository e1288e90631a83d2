import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { RegisteredSchema, SchemaRegistry } from './port.ts';
import { incompatible, refused, unreachable } from './registry-failure.ts';

const answer = {
  id: z.object({ id: z.int() }),
  schema: z.object({ schema: z.string(), schemaType: z.string().optional() }),
};
const problem = z.object({ error_code: z.int(), message: z.string() });

const limits = { attempts: 4, backoffMs: 100, answerMs: 5000 } as const;
/** By Confluent's API; Apicurio and Karapace say the same. */
const notFound = 404;
const conflict = 409;

/**
 * A registry that speaks Confluent's HTTP (https://docs.confluent.io/platform/current/schema-registry/develop/api.html):
 * Confluent's own, Karapace, Apicurio under `/apis/ccompat/v7`, Redpanda. A user and a password may stand in the address.
 */
export function openConfluentRegistry(address: string): SchemaRegistry {
  const url = new URL(address);
  const { username, password } = url;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  url.username = '';
  url.password = '';
  const base = url.href.replace(/\/$/, '');
  const headers = {
    accept: 'application/vnd.schemaregistry.v1+json, application/json',
    'content-type': 'application/vnd.schemaregistry.v1+json',
    ...(username === '' ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
  };
  const ask = (path: string, body?: object): Promise<Answer> =>
    askWithRetry(base, `${base}${path}`, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
  return {
    framing: 'confluent',
    register: async (subject, schema) => {
      const { status, value } = await ask(`/subjects/${encodeURIComponent(subject)}/versions`, requestOf(schema));
      if (status === conflict) throw incompatible(subject, messageOf(value));
      return readAs(answer.id, { base, status, value }).id;
    },
    schemaOf: async (id) => {
      const { status, value } = await ask(`/schemas/ids/${id}`);
      if (status === notFound) return null;
      const { schema, schemaType = 'AVRO' } = readAs(answer.schema, { base, status, value });
      if (schemaType === 'AVRO' || schemaType === 'JSON')
        return { kind: schemaType === 'AVRO' ? 'avro' : 'json', text: schema };
      throw refused(base, `schema ${id} is ${schemaType}, expected AVRO or JSON`);
    },
  };
}

function requestOf({ kind, text }: RegisteredSchema): object {
  return kind === 'avro' ? { schema: text } : { schema: text, schemaType: 'JSON' };
}

type Answer = { readonly status: number; readonly value: unknown };

async function askWithRetry(base: string, url: string, request: RequestInit): Promise<Answer> {
  let cause: unknown;
  for (let attempt = 0; attempt < limits.attempts; attempt++) {
    if (attempt > 0) await delay(limits.backoffMs * 2 ** (attempt - 1) * (1 + Math.random()));
    try {
      const response = await fetch(url, { ...request, signal: AbortSignal.timeout(limits.answerMs) });
      const text = await response.text();
      if (response.status < 500) return { status: response.status, value: parse(text) };
      cause = new Error(`got status ${response.status}`);
    } catch (error) {
      cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    }
  }
  throw unreachable(base, cause);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function messageOf(value: unknown): string {
  const parsed = problem.safeParse(value);
  return parsed.success ? parsed.data.message : String(value).slice(0, 200);
}

function readAs<T>(schema: z.ZodType<T>, { base, status, value }: Answer & { readonly base: string }): T {
  const parsed = schema.safeParse(value);
  if (status < 300 && parsed.success) return parsed.data;
  throw refused(base, `status ${status}: ${messageOf(value)}`);
}
