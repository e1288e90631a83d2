import { expect, test } from 'vitest';
import { createApp } from '../../adapters/http/app.ts';
import { type Callers, hashOfKey, type Scope } from '../../adapters/http/api-keys.ts';
import type { SubmittedReading, TelemetryPort } from '../../adapters/http/port.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { sampleAuthorization, sampleReading } from '../contract/sample-events.ts';

function keyOf(id: string, scopes: Scope[]) {
  return { id, sha256: hashOfKey(`key-${id}`), tenants: ['works-1', 'bank-1'], scopes, perSecond: 1, burst: 1000 };
}

const callers: Callers = {
  version: 1,
  keys: [keyOf('plant', ['telemetry']), keyOf('shop', ['score'])],
  webhooks: [],
};

function appOf(telemetry?: TelemetryPort) {
  const kept: SubmittedReading[] = [];
  const own: TelemetryPort = { append: async (readings) => void kept.push(...readings) };
  const port = {
    submit: async () => ({ kind: 'accepted' as const, offset: 0 }),
    decision: async () => null,
    isReady: () => true,
  };
  const { app } = createApp({ port, callers, deadlineMs: 1000, telemetry: telemetry ?? own });
  const send = async (body: string, key = 'plant', path = '/v1/telemetry') => {
    const headers = { authorization: `Bearer key-${key}` };
    const answer = await app.request(path, { method: 'POST', body, headers });
    return { status: answer.status, json: await answer.json() };
  };
  return { send, kept };
}

function batch(...readings: readonly unknown[]): string {
  return JSON.stringify({ readings });
}

const stranger = { ...sampleReading, readingId: 'other', tenantId: 'works-2' };

test('readings are kept whatever stands beside them, and each that is not has its problem', async () => {
  const { send, kept } = appOf();
  const wrong = { ...sampleReading, value: 'hot', extra: 1 };
  const second = { ...sampleReading, readingId: 'reading-2' };
  const { status, json } = await send(batch(sampleReading, wrong, stranger, 7, second));
  expect(status).toBe(202);
  expect(json).toMatchObject({
    accepted: 2,
    refused: 3,
    results: [
      { readingId: 'reading-1' },
      { problem: { status: 422, code: 'contractViolation', errors: [{ path: 'value' }, { path: 'extra' }] } },
      { problem: { status: 403, code: 'forbidden' } },
      { problem: { status: 422, code: 'contractViolation' } },
      { readingId: 'reading-2' },
    ],
  });
  expect(kept.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()))).toEqual([sampleReading, second]);
});

test('a batch of which nothing is right is refused with the place of all that is wrong', async () => {
  const { send, kept } = appOf();
  const { status, json } = await send(batch({ ...sampleReading, unit: 1 }, { ...sampleReading, quality: 'FINE' }));
  expect(status).toBe(422);
  expect(json).toMatchObject({ errors: [{ path: 'readings.0.unit' }, { path: 'readings.1.quality' }] });
  expect((await send(batch(stranger))).status).toBe(403);
  expect(kept).toEqual([]);
});

test.each([
  ['no JSON', '{"readings":', 400],
  ['another name', '{"events":[]}', 400],
  ['no reading', batch(), 400],
  ['an object in place of the list', '{"readings":{}}', 400],
  ['too many', batch(...Array.from({ length: 1001 }, () => 1)), 400],
  ['too large', ' '.repeat(1_048_577), 413],
  ['an item nested 400,000 deep', `{"readings":[${'['.repeat(400_000)}${']'.repeat(400_000)}]}`, 400],
])('a body with %s is refused', async (_, body, status) => {
  expect((await appOf().send(body)).status).toBe(status);
});

test('a payment of a batch that is nested 400,000 deep is refused by itself', async () => {
  const deep = `${'['.repeat(400_000)}${']'.repeat(400_000)}`;
  const body = `{"events":[${deep},${JSON.stringify(sampleAuthorization)}]}`;
  const { status, json } = await appOf().send(body, 'shop', '/v1/authorizations:scoreBatch');
  expect(status).toBe(200);
  expect(json).toMatchObject({ results: [{ problem: { code: 'tooDeep' } }, { decision: {} }] });
});

test('takes a key with the scope telemetry alone, and says where no readings are taken', async () => {
  expect((await appOf().send(batch(sampleReading), 'shop')).status).toBe(403);
  expect((await appOf().send(batch(sampleReading), 'nobody')).status).toBe(401);
  const port = { submit: async () => Promise.reject(new Error()), decision: async () => null, isReady: () => true };
  const { app } = createApp({ port, callers, deadlineMs: 1000 });
  const headers = { authorization: 'Bearer key-plant' };
  const answer = await app.request('/v1/telemetry', { method: 'POST', body: batch(sampleReading), headers });
  expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'noTelemetry' }]);
});

test('a log that does not take them is 503, and its bugs are 500', async () => {
  const failing = (error: Error) => appOf({ append: async () => Promise.reject(error) });
  const notReady = new WeirError({
    code: 'NOT_READY',
    message: 'got readings, expected none',
    fix: 'Wait.',
    facts: {},
  });
  expect((await failing(notReady).send(batch(sampleReading))).status).toBe(503);
  expect((await failing(new Error('a bug')).send(batch(sampleReading))).status).toBe(500);
});
