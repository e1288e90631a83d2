import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createApp } from '../../adapters/http/app.ts';
import { type Callers, hashOfKey, keysFile, type Scope } from '../../adapters/http/api-keys.ts';
import { openApi } from '../../adapters/http/openapi.ts';
import type { Answer, ScoringPort, SubmittedEvent } from '../../adapters/http/port.ts';
import { createRateLimit } from '../../adapters/http/rate-limit.ts';
import { isSigned, signatureOf } from '../../adapters/http/webhook-signature.ts';
import type { DecisionView } from '../../core/contract/decision-view.ts';
import { sampleAuthorization, sampleDispute, sampleRelease } from '../contract/sample-events.ts';

const decision: DecisionView = {
  decisionId: '0123456789abcdef0123456789abcdef',
  tenantId: 'bank-1',
  accountId: 'account-1',
  eventId: 'auth-1',
  eventTimeMs: 1,
  outcome: 'approve',
  iso20022Action: 'APPV',
  score: 1,
  reasonCodes: [],
  ruleHits: [],
  model: { id: 'm', version: '1', hash: 'h' },
  ruleSet: { id: 'r', version: 1, hash: 'h' },
  featureSet: { name: 'f', version: 1, hash: 'h' },
  features: {},
  offset: 0,
  watermarkMs: null,
  late: false,
  tooLate: false,
  fallback: null,
};
const kept = { decisionId: decision.decisionId, tenantId: decision.tenantId, text: JSON.stringify(decision) };

function keyOf(
  id: string,
  more: { readonly tenants?: string[]; readonly scopes?: Scope[]; readonly burst?: number } = {},
) {
  const { tenants = ['bank-1'], scopes = ['score', 'events', 'read', 'metrics'], burst = 1000 } = more;
  return { id, sha256: hashOfKey(`key-${id}`), tenants, scopes, perSecond: 1, burst };
}

const secret = 'a secret of sixteen and more';
const callers: Callers = {
  version: 1,
  keys: [
    keyOf('all'),
    keyOf('other', { tenants: ['bank-2'] }),
    keyOf('reader', { scopes: ['read'] }),
    keyOf('every', { tenants: ['*'] }),
    keyOf('slow', { burst: 2 }),
  ],
  webhooks: [{ id: 'disputes', tenants: ['bank-1'], secrets: ['an older secret of sixteen', secret] }],
};

function appOf(port: Partial<ScoringPort> = {}, deadlineMs = 1000) {
  let lateEvents = 0;
  const submitted: SubmittedEvent[] = [];
  const answer: Answer = { kind: 'decided', decision: kept, isRepeat: false };
  const whole: ScoringPort = {
    submit: async (event) => {
      submitted.push(event);
      return event.topic === 'payments.authorization.v1' ? answer : { kind: 'accepted', offset: 1 };
    },
    decision: async (id) => (id === decision.decisionId ? kept : null),
    isReady: () => true,
    ...port,
  };
  const observeLate = (): void => void lateEvents++;
  const { app } = createApp({ port: whole, callers, deadlineMs, observeLate, metrics: async () => 'weir_events 1\n' });
  const ask = async (path: string, body: unknown, key = 'all', headers: Record<string, string> = {}) => {
    const answered = await app.request(path, {
      ...(body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
      headers: { authorization: `Bearer key-${key}`, ...headers },
    });
    const text = await answered.text();
    const type = answered.headers.get('content-type') ?? '';
    return {
      status: answered.status,
      type,
      headers: answered.headers,
      json: type.includes('json') ? JSON.parse(text) : text,
    };
  };
  return { ask, submitted, lateEvents: () => lateEvents };
}

const path = '/v1/authorizations:score';

describe('the score API', () => {
  test('answers an authorization with its decision, and hands its own bytes on', async () => {
    const { ask, submitted } = appOf();
    expect(await ask(path, sampleAuthorization)).toMatchObject({ status: 200, json: decision });
    expect(JSON.parse(Buffer.from(submitted[0]?.bytes ?? []).toString())).toEqual(sampleAuthorization);
    const { tenantId, accountId, eventId } = sampleAuthorization;
    const topic = 'payments.authorization.v1';
    expect(submitted[0]?.identity).toEqual({ topic, tenantId, key: accountId, eventId });
  });

  test.each([
    ['/v1/disputes', sampleDispute, 'payments.dispute.v1'],
    ['/v1/clearings', sampleRelease, 'payments.clearing.v1'],
    ['/v1/reversals', sampleRelease, 'payments.reversal.v1'],
  ])('takes what comes to %s', async (to, event, topic) => {
    const { ask, submitted } = appOf();
    expect(await ask(to, event)).toMatchObject({ status: 202, json: { eventId: event.eventId } });
    expect(submitted.map((one) => one.topic)).toEqual([topic]);
  });

  test('lists all that is wrong with an event, and quotes no value', async () => {
    const { ask, submitted } = appOf();
    const wrong = { ...sampleAuthorization, cardToken: '4111111111111111', amountMinor: -1, extra: 1 };
    const refused = await ask(path, wrong);
    expect(refused).toMatchObject({
      status: 422,
      type: 'application/problem+json',
      json: { code: 'contractViolation' },
    });
    const { errors } = z.object({ errors: z.array(z.object({ path: z.string() })) }).parse(refused.json);
    expect(errors.map((issue) => issue.path).toSorted()).toEqual(['amountMinor', 'cardToken', 'extra']);
    expect(JSON.stringify(refused.json)).not.toContain('4111');
    expect(submitted).toEqual([]);
  });

  test.each([
    ['{"a":', 400, 'notJson'],
    ['{"__proto__":{}}', 400, 'forbiddenKey'],
    ['['.repeat(40), 400, 'tooDeep'],
    [' '.repeat(70_000), 413, 'tooLarge'],
  ])('refuses the body %#', async (body, status, code) => {
    expect(await appOf().ask(path, body)).toMatchObject({ status, json: { code } });
  });

  test('asks for a key that is known, has the scope, and acts for the tenant', async () => {
    const { ask, submitted } = appOf();
    expect(await ask(path, sampleAuthorization, 'unknown')).toMatchObject({
      status: 401,
      json: { code: 'notSignedIn' },
    });
    expect(await ask(path, sampleAuthorization, 'reader')).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    expect(await ask(path, sampleAuthorization, 'other')).toMatchObject({ status: 403, json: { code: 'forbidden' } });
    expect(submitted).toEqual([]);
    expect((await ask(path, sampleAuthorization, 'every')).status).toBe(200);
  });

  test('shows a decision to its tenant alone', async () => {
    const { ask } = appOf();
    const at = `/v1/decisions/${decision.decisionId}`;
    expect(await ask(at, undefined)).toMatchObject({ status: 200, json: decision });
    expect((await ask(at.toUpperCase().replace('/V1/DECISIONS', '/v1/decisions'), undefined)).status).toBe(200);
    expect(await ask(at, undefined, 'other')).toMatchObject({ status: 404, json: { code: 'notFound' } });
    expect((await ask('/v1/decisions/zz', undefined)).status).toBe(404);
    expect((await ask('/v1/nothing', undefined)).json).toMatchObject({ code: 'notFound' });
    const wrong = await ask('/v1/disputes', undefined);
    expect(wrong).toMatchObject({ status: 405, json: { code: 'notAllowed' } });
    expect(wrong.headers.get('allow')).toBe('POST');
  });

  test('says when to come back to a caller that comes too often', async () => {
    const { ask } = appOf();
    const statuses = [];
    for (let time = 0; time < 3; time++) statuses.push((await ask(path, sampleAuthorization, 'slow')).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await ask(path, sampleAuthorization, 'slow')).headers.get('retry-after')).toBe('1');
    expect((await ask(path, sampleAuthorization, 'all')).status).toBe(200);
  });

  test('answers inside the deadline, whatever the owner of the log does', async () => {
    const { ask, lateEvents } = appOf({ submit: () => new Promise(() => undefined) }, 20);
    expect(await ask(path, sampleAuthorization)).toMatchObject({ status: 503, json: { code: 'deadline' } });
    expect(lateEvents()).toBe(1);
  });

  test('answers inside the smaller of its own deadline and the one that the caller gives', async () => {
    const slow = { submit: () => new Promise<never>(() => undefined) };
    const late = { status: 503, json: { code: 'deadline' } };
    const patient = appOf(slow, 3_600_000);
    expect(await patient.ask(path, sampleAuthorization, 'all', { 'weir-deadline-ms': '20' })).toMatchObject(late);
    const batch = { events: [sampleAuthorization, sampleAuthorization] };
    const { json } = await patient.ask('/v1/authorizations:scoreBatch', batch, 'all', { 'weir-deadline-ms': '20' });
    expect(json.results).toMatchObject([{ problem: { code: 'deadline' } }, { problem: { code: 'deadline' } }]);
    expect(patient.lateEvents()).toBe(3);
    const strict = appOf(slow, 20);
    expect(await strict.ask(path, sampleAuthorization, 'all', { 'weir-deadline-ms': '3600000' })).toMatchObject(late);
  });

  test.each(['0', '-1', '1.5', '1e3', 'soon', '', '5, 5'])('takes no event in a time of "%s"', async (said) => {
    const { ask, submitted } = appOf();
    const refused = await ask(path, sampleAuthorization, 'all', { 'weir-deadline-ms': said });
    expect(refused).toMatchObject({ status: 400, json: { code: 'notABudget' } });
    expect(submitted).toEqual([]);
  });

  test('passes on that an event was refused, that nothing is taken, and that something failed', async () => {
    const refusal = { code: 'conflict', message: 'got another body', issues: [] } as const;
    const conflict = appOf({ submit: async () => ({ kind: 'refused', refusal }) });
    expect(await conflict.ask(path, sampleAuthorization)).toMatchObject({ status: 409, json: { code: 'conflict' } });
    const stopping = appOf({ isReady: () => false });
    expect((await stopping.ask(path, sampleAuthorization)).json).toMatchObject({ code: 'notReady' });
    expect((await stopping.ask('/readyz', undefined)).status).toBe(503);
    expect((await stopping.ask('/healthz', undefined)).status).toBe(200);
  });

  test('decides a batch one by one: what is refused holds up none', async () => {
    const { ask } = appOf();
    const { status, json } = await ask('/v1/authorizations:scoreBatch', { events: [sampleAuthorization, { no: 1 }] });
    expect(status).toBe(200);
    expect(json.results).toMatchObject([{ decision }, { problem: { code: 'contractViolation', status: 422 } }]);
    expect((await ask('/v1/authorizations:scoreBatch', { events: [] })).json).toMatchObject({ code: 'notABatch' });
  });

  test('takes events of senders that sign them, lately and with either secret', async () => {
    const { ask, submitted } = appOf();
    const body = JSON.stringify({ topic: 'payments.dispute.v1', event: sampleDispute });
    const seconds = Math.floor(Date.now() / 1000);
    const sign = (at: number, by = secret) => ({
      'weir-signature': signatureOf(by, { seconds: at, body: Buffer.from(body) }),
    });
    const to = '/v1/webhooks/disputes';
    expect((await ask(to, body, 'none', sign(seconds))).status).toBe(202);
    expect((await ask(to, body, 'none', sign(seconds, 'an older secret of sixteen'))).status).toBe(202);
    for (const headers of [
      sign(seconds - 400),
      sign(seconds, 'another secret of sixteen'),
      { 'weir-signature': 'v1=' },
    ])
      expect(await ask(to, body, 'none', headers)).toMatchObject({ status: 401, json: { code: 'unsigned' } });
    expect((await ask('/v1/webhooks/nobody', body, 'none', sign(seconds))).status).toBe(401);
    expect(submitted.length).toBe(2);
    expect(isSigned('t=1,v1=', { secrets: [secret], body: Buffer.from(body), nowMs: 1000 })).toBe(false);
  });

  test('gives metrics to those who may read them', async () => {
    const { ask } = appOf();
    expect(await ask('/metrics', undefined)).toMatchObject({ status: 200, json: 'weir_events 1\n' });
    expect((await ask('/metrics', undefined, 'reader')).status).toBe(403);
  });

  test('is described by OpenAPI, every reference of which leads somewhere', async () => {
    const document: unknown = (await appOf().ask('/openapi.json', undefined)).json;
    expect(document).toEqual(JSON.parse(JSON.stringify(openApi())));
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, to = '']) =>
      to.split('/'),
    );
    expect(references.length).toBeGreaterThan(20);
    for (const steps of references) {
      const found = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], document);
      expect(found).toBeTypeOf('object');
    }
  });
});

test('a bucket gives back what time allows, and no more than it holds', () => {
  let nowMs = 0;
  const { take } = createRateLimit(() => nowMs);
  const caller = { id: 'a', perSecond: 10, burst: 2 };
  expect([take(caller), take(caller), take(caller)]).toEqual([0, 0, 0.1]);
  nowMs = 100;
  expect([take(caller), take(caller)]).toEqual([0, 0.1]);
  nowMs = 60_000;
  expect([take(caller), take(caller), take(caller)]).toEqual([0, 0, 0.1]);
});

test('a file of keys says who may do what, and is refused when it does not', () => {
  const key = { id: 'shop', sha256: 'a'.repeat(64), tenants: ['bank-1'], scopes: ['score'] };
  expect(keysFile.parse({ version: 1, keys: [key] }).keys[0]).toMatchObject({ perSecond: 1000, burst: 2000 });
  expect(keysFile.safeParse({ version: 1, keys: [{ ...key, scopes: ['all'] }] }).success).toBe(false);
});
