import { hash } from 'node:crypto';
import { z } from 'zod';

/** What a key may do: score authorizations, send other events, read decisions, read metrics, send readings. */
export const scopes = ['score', 'events', 'read', 'metrics', 'telemetry'] as const;
export type Scope = (typeof scopes)[number];

/** A caller. */
export type ApiKey = z.infer<typeof apiKey>;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 hash of 64 hexadecimal characters');

const apiKey = z.strictObject({
  /** Names the caller in logs and metrics; the key itself is nowhere. */
  id: z.string().regex(/^[\w.-]{1,64}$/),
  /** Of the key, in hexadecimal. */
  sha256,
  /** Whose events it may send and read; `*` is every tenant. */
  tenants: z.array(z.string().min(1)).min(1),
  scopes: z.array(z.enum(scopes)).min(1),
  /** Requests a second, and how many may come at once. */
  perSecond: z.number().positive().default(1000),
  burst: z.number().min(1).default(2000),
});

const webhook = z.strictObject({
  id: z.string().regex(/^[\w.-]{1,64}$/),
  tenants: z.array(z.string().min(1)).min(1),
  /** Two while they are changed. */
  secrets: z.array(z.string().min(16)).min(1).max(2),
});

/** The file of callers. */
export const keysFile = z.strictObject({
  version: z.literal(1),
  keys: z.array(apiKey).min(1),
  webhooks: z.array(webhook).default([]),
});

export type Callers = z.infer<typeof keysFile>;

/** The hash by which a key is known: looking it up takes as long for a wrong key as for a right one. */
export function hashOfKey(key: string): string {
  return hash('sha256', key, 'hex');
}

/** Does a caller act for a tenant? */
export function isOfTenant({ tenants }: { readonly tenants: readonly string[] }, tenantId: string): boolean {
  return tenants.includes('*') || tenants.includes(tenantId);
}
