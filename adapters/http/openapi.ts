import { z } from 'zod';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { clearingContract } from '../../core/contract/clearing.ts';
import { decisionView } from '../../core/contract/decision-view.ts';
import { disputeContract } from '../../core/contract/dispute.ts';
import { readingContract } from '../../core/contract/reading.ts';
import { reversalContract } from '../../core/contract/reversal.ts';

type Json = { readonly [name: string]: unknown };

/** The API as OpenAPI 3.1, made of the contracts. */
export function openApi(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Weir score API',
      version: '1',
      description:
        'Decides card payments before authorization. `eventId` is the idempotency key: the same event is decided once, and asking again gives the first decision. The header `weir-deadline-ms`, a whole number of milliseconds, gives a request less time than the server would: past it the answer is 503 `deadline`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ apiKey: [] }],
    paths: {
      '/v1/authorizations:score': {
        post: operation('scoreAuthorization', 'Decide a payment', {
          body: 'Authorization',
          answers: { 200: answer('The decision.', 'Decision') },
          refusals: [400, 401, 403, 409, 413, 422, 429, 503],
        }),
      },
      '/v1/authorizations:scoreBatch': {
        post: operation('scoreAuthorizations', 'Decide up to 100 payments, each by itself', {
          body: 'AuthorizationBatch',
          answers: { 200: answer('A decision or a problem for each, in the same order.', 'BatchResults') },
          refusals: [400, 401, 403, 413, 429, 503],
        }),
      },
      '/v1/decisions/{id}': {
        get: {
          ...operation('getDecision', 'A decision with what it was made of', {
            answers: { 200: answer('The decision.', 'Decision') },
            refusals: [401, 403, 404, 429],
          }),
          parameters: [
            { name: 'id', in: 'path', required: true, schema: { type: 'string', pattern: '^[0-9a-fA-F]{32}$' } },
          ],
        },
      },
      ...eventPaths(),
      '/v1/telemetry': {
        post: operation('sendReadings', 'Send up to 1,000 readings of sensors, each by itself', {
          body: 'ReadingBatch',
          answers: {
            202: answer('Those that are accepted are durable; the others have a problem each.', 'ReadingResults'),
          },
          refusals: [400, 401, 403, 404, 413, 422, 429, 503],
        }),
      },
      '/healthz': { get: open('health', 'The process runs') },
      '/readyz': { get: open('readiness', 'Events are taken') },
    },
    components: components(),
  };
}

function components(): Json {
  return {
    securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } },
    responses: { Problem: problemResponse },
    schemas: {
      Authorization: schemaOf(authorizationContract.schema),
      Clearing: schemaOf(clearingContract.schema),
      Reversal: schemaOf(reversalContract.schema),
      Dispute: schemaOf(disputeContract.schema),
      Decision: schemaOf(decisionView),
      AuthorizationBatch: batchOf('events', anEvent, { minItems: 1, maxItems: 100 }),
      BatchResults: batchOf('results', {
        type: 'object',
        properties: { decision: ref('Decision'), problem: ref('Problem') },
      }),
      ReadingBatch: batchOf('readings', { type: 'object' }, { minItems: 1, maxItems: 1000 }),
      ReadingResults: {
        type: 'object',
        properties: {
          accepted: { type: 'integer' },
          refused: { type: 'integer' },
          results: { type: 'array', items: { type: 'object', properties: { problem: ref('Problem') } } },
        },
        required: ['accepted', 'refused', 'results'],
      },
      Reading: schemaOf(readingContract.schema),
      Accepted: schemaOf(z.strictObject({ eventId: z.string() })),
      Problem: problemSchema,
    },
  };
}

function eventPaths(): Json {
  const events = { clearings: 'Clearing', reversals: 'Reversal', disputes: 'Dispute' };
  return Object.fromEntries(
    Object.entries(events).map(([path, name]) => [
      `/v1/${path}`,
      {
        post: operation(`send${name}`, `Send a ${name.toLowerCase()}`, {
          body: name,
          answers: { 202: answer('It is durable, and taken into account.', 'Accepted') },
          refusals: [400, 401, 403, 409, 413, 422, 429, 503],
        }),
      },
    ]),
  );
}

type Operation = {
  readonly body?: string;
  readonly answers: Readonly<Record<number, Json>>;
  readonly refusals: readonly number[];
};

function operation(operationId: string, summary: string, { body, answers, refusals }: Operation): Json {
  const responses: Record<string, Json> = { ...answers };
  for (const status of refusals) responses[status] = { $ref: '#/components/responses/Problem' };
  return {
    operationId,
    summary,
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: ref(body) } } } }),
    responses,
  };
}

function open(operationId: string, summary: string): Json {
  const status = { type: 'object', properties: { status: { type: 'string' } }, required: ['status'] };
  return {
    operationId,
    summary,
    security: [],
    responses: {
      200: { description: 'It does.', content: { 'application/json': { schema: status } } },
      503: { $ref: '#/components/responses/Problem' },
    },
  };
}

function answer(description: string, name: string): Json {
  return { description, content: { 'application/json': { schema: ref(name) } } };
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

function batchOf(name: string, items: Json, sizes: Json = {}): Json {
  const properties = { [name]: { type: 'array', items, ...sizes } };
  return { type: 'object', properties, required: [name] };
}

/** Control characters as classes of Unicode, which few tools know, and as the ranges that they are; as JSON escapes them. */
const controlClass = String.raw`[^\\p{Cc}\\p{Cs}]`;
const controlRanges = String.raw`[^\\u0000-\\u001f\\u007f-\\u009f]`;

function schemaOf(schema: z.ZodType): Json {
  const { $schema: _left, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  const portable: unknown = JSON.parse(JSON.stringify(rest).replaceAll(controlClass, controlRanges));
  return z.record(z.string(), z.unknown()).parse(portable);
}

const anEvent = {
  description: 'An Authorization; anything else gets a problem in its place, and holds up none of the others.',
};

const problemSchema = {
  type: 'object',
  properties: {
    type: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    title: { type: 'string' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, got: { type: 'string' }, expected: { type: 'string' } },
        required: ['path', 'got', 'expected'],
      },
    },
  },
  required: ['type', 'status', 'code', 'title', 'detail'],
};

const problemResponse = {
  description: 'What is wrong, by RFC 9457.',
  content: { 'application/problem+json': { schema: ref('Problem') } },
};
