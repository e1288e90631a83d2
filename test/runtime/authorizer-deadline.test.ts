import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type Disk, realDisk } from '../../adapters/files/disk.ts';
import { type Callers, hashOfKey } from '../../adapters/http/api-keys.ts';
import { createApp } from '../../adapters/http/app.ts';
import { assemble, shippedFiles } from '../../runtime/assemble.ts';
import { openAuthorizer } from '../../runtime/authorizer.ts';
import { sampleAuthorization } from '../contract/sample-events.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-deadline-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const path = '/v1/authorizations:score';
const scopes: Callers['keys'][number]['scopes'] = ['score'];
const caller = { id: 'a', sha256: hashOfKey('key'), tenants: ['*'], scopes, perSecond: 1e6, burst: 1e6 };
const callers: Callers = { version: 1, keys: [caller], webhooks: [] };
const answered = z.object({ decisionId: z.string().optional(), code: z.string().optional() });

/** A disk whose log and journal become durable only once it is let go. */
function heldDisk(): { readonly disk: Disk; readonly letGo: () => void; readonly held: () => number } {
  const { promise: released, resolve } = Promise.withResolvers<void>();
  let held = 0;
  const syncDataLater: Disk['syncDataLater'] = async (fd) => {
    held++;
    await released;
    await realDisk.syncDataLater(fd);
  };
  return { disk: { ...realDisk, syncDataLater }, letGo: resolve, held: () => held };
}

test('on a disk that stands still every caller is answered in its time, and each event has one decision afterwards', async () => {
  const { disk, letGo, held } = heldDisk();
  const assembled = await assemble(shippedFiles);
  const authorizer = await openAuthorizer({ dir, assembled, disk, findKept: async () => null });
  let lateEvents = 0;
  const { app } = createApp({ port: authorizer, callers, deadlineMs: 3_600_000, observeLate: () => void lateEvents++ });
  const ask = async (number: number, headers: Record<string, string> = {}) => {
    const event = { ...sampleAuthorization, eventId: `auth-${number}`, eventTimeMs: Date.UTC(2026, 0, 1) + number };
    const body = JSON.stringify(event);
    const answer = await app.request(path, {
      method: 'POST',
      body,
      headers: { authorization: 'Bearer key', ...headers },
    });
    return { status: answer.status, ...answered.parse(await answer.json()) };
  };
  const numbers = Array.from({ length: 200 }, (_, number) => number);
  const hurried = await Promise.all(numbers.map((number) => ask(number, { 'weir-deadline-ms': '30' })));
  // The disk is held still: an answer of 200 would be one that a crash takes back.
  expect(held()).toBeGreaterThan(0);
  expect(hurried).toEqual(numbers.map(() => ({ status: 503, code: 'deadline' })));
  expect(lateEvents).toBe(200);
  letGo();
  const again = await Promise.all(numbers.map((number) => ask(number)));
  expect(new Set(again.map(({ decisionId }) => decisionId)).size).toBe(200);
  expect(again.every(({ status }) => status === 200)).toBe(true);
  expect(authorizer.scoring.counts.get('accepted.payments.authorization.v1')).toBe(200);
  expect(authorizer.scoring.totals().ledger.currencies['EUR']).toMatchObject({ authorizationEntries: 200 });
  await authorizer.close();
});
