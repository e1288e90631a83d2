import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { handle } from 'hono/aws-lambda';
import { z } from 'zod';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openIdempotency } from '../../adapters/dynamodb/idempotency.ts';
import { createRequestStore } from '../../adapters/dynamodb/request-store.ts';
import type { TableNames } from '../../adapters/dynamodb/tables.ts';
import type { Answer, ScoringPort, SubmittedEvent } from '../../adapters/http/port.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { createEventIdentifier } from '../../core/decode/event-identity.ts';
import { openAws } from '../../engines/aws/endpoint.ts';
import type { Emulator } from '../../engines/aws/emulators.ts';
import { openKeyedAuthorizer } from '../../runtime/keyed-authorizer.ts';
import { readDefinition, writeDefinition } from '../../runtime/lambda-definition.ts';
import { serveHandler } from '../../runtime/lambda-serve.ts';
import { accountPayments, writeAccountFiles } from '../../simulate/account-payments.ts';
import { openStream, wholeBelow } from '../../simulate/random.ts';
import { kinesisBatches } from '../../runtime/lambda-events.ts';
import { sampleReading } from '../contract/sample-events.ts';
import { makeStream, readStream } from './lambda-kinesis.ts';
import { callerKey, dynamoServers, freshTables, functionVariables, isGiven } from './function-world.ts';
import { gatewayEvent } from './gateway-event.ts';
import { checkSource, readTables } from './lambda-check.ts';
import { type FaultPlan, faultyClient, type Injected, Killed, noFaults } from './lambda-faults.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-serve-http-'));
const topic = 'payments.authorization.v1';
const identify = createEventIdentifier();
/** Of every event: the twin takes them at the same time. */
const ingestTimeMs = 1_760_001_000_000;
let runtime: ReturnType<typeof readDefinition>;

beforeAll(async () => {
  await writeDefinition(writeAccountFiles(dir), dir);
  runtime = readDefinition(dir);
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

function submitted(value: string): SubmittedEvent {
  const bytes = new TextEncoder().encode(value);
  const identified = identify(topic, bytes);
  if (!identified.ok) throw new Error(`got ${identified.refusal.message}, expected an event`);
  return { topic, bytes, identity: identified.identity };
}

/** A process that meets the faults of a plan, over tables that it shares. */
function openProcess(tables: TableNames, injected: Injected, plan: FaultPlan = noFaults): ScoringPort {
  const { client } = faultyClient(plan, injected, {});
  const limits = { attemptsMax: 12, backoffMs: 1, backoffMsMax: 8 };
  const port = createRequestStore({ client, tables, limits });
  const times = { clockMs: () => Date.now(), inFlightMs: 20, keptMs: 86_400_000 };
  const idempotency = openIdempotency({ client, table: tables.idempotency, limits, ...times });
  const { weir, by } = runtime;
  return openKeyedAuthorizer({ weir, by, port, idempotency, clockMs: () => ingestTimeMs });
}

const again = new Set(['IN_FLIGHT', 'ACCOUNT_CONTENDED']);

/** Asks as a caller does who gets no answer, or is told to ask again: until there is one. */
async function ask(event: SubmittedEvent, processOf: () => ScoringPort): Promise<Answer> {
  for (;;) {
    try {
      return await processOf().submit(event);
    } catch (error) {
      const isPassing = error instanceof Killed || (error instanceof WeirError && again.has(error.code));
      if (!isPassing) throw error;
    }
  }
}

describe.each(dynamoServers)('the score API over %s', (_name, start) => {
  let aws: Emulator;

  beforeAll(async () => {
    aws = await openAws(start);
  });

  afterAll(async () => {
    await aws?.stop();
    if (!isGiven) delete process.env['AWS_ENDPOINT_URL'];
  });

  test('one event that is sent 100 times at once to two processes is decided once, and posted once', async () => {
    const tables = await freshTables();
    const injected: Injected = new Map();
    const processes = [openProcess(tables, injected), openProcess(tables, injected)];
    const [payment] = accountPayments({ from: 0, count: 1, accounts: 1, partitions: 1 });
    const event = submitted(payment?.value ?? '');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, number) => ask(event, () => processes[number % 2]!)),
    );
    const texts = answers.map((answer) => (answer.kind === 'decided' ? answer.decision.text : answer.kind));
    expect(new Set(texts).size).toBe(1);
    expect(answers.filter((answer) => answer.kind === 'decided' && !answer.isRepeat).length).toBe(1);
    const held = await readTables(runtime, tables, 'api#accounts#acc-0');
    expect([held.events, held.decisions.length, held.entries.length]).toEqual([1, 1, 1]);
  });

  test('killed, throttled and left without replies, two processes decide accounts as one log in their order does', async () => {
    const tables = await freshTables();
    const injected: Injected = new Map();
    const random = openStream({ seed: 20_261_201, name: 'serve-http' });
    const wanted = { from: 0, count: 240, accounts: 6, partitions: 1 };
    const events = accountPayments(wanted).map(({ value }) => submitted(value));
    const faulty = (): ScoringPort => {
      const seed = wholeBelow(random, 1e9);
      const request = 1 + wholeBelow(random, 12);
      const when = wholeBelow(random, 2) === 0 ? 'before' : 'after';
      const kill = wholeBelow(random, 3) === 0 ? ({ request, when } as const) : undefined;
      return openProcess(tables, injected, { ...noFaults, seed, throttleRate: 0.05, lostReplyRate: 0.05, kill });
    };
    const answers = new Map<string, Answer>();
    let next = 0;
    const caller = async (): Promise<void> => {
      for (let at = next++; at < events.length; at = next++) {
        const event = events[at]!;
        answers.set(event.identity.eventId, await ask(event, faulty));
      }
    };
    await Promise.all(Array.from({ length: 8 }, caller));
    for (let account = 0; account < wanted.accounts; account++) {
      const source = `api#accounts#acc-${account}`;
      const { decisions } = await readTables(runtime, tables, source);
      const inOrder = decisions.toSorted((left, right) => left.offset - right.offset);
      expect(inOrder.length).toBe(events.length / wanted.accounts);
      const byId = new Map(events.map((event) => [event.identity.eventId, event.bytes]));
      const records = inOrder.map(({ eventId, offset }) => ({
        contract: topic,
        key: '',
        position: { sequence: String(offset + 1), subsequence: 0 },
        offset,
        ingestTimeMs,
        bytes: byId.get(eventId)!,
      }));
      const identifiers = records.map(({ position }) => position.sequence);
      const check = await checkSource(runtime, tables, { source, partition: 0, records, identifiers });
      expect(check.problems).toEqual([]);
      for (const { eventId, score } of inOrder) {
        const answer = answers.get(eventId);
        expect(answer?.kind === 'decided' ? JSON.parse(answer.decision.text) : answer).toMatchObject({
          eventId,
          score,
        });
      }
    }
    for (const fault of ['kill', 'throttle', 'lostReply']) expect(injected.get(fault) ?? 0).toBeGreaterThan(20);
  });
});

describe('the function', () => {
  let aws: Emulator;
  let handler: ReturnType<typeof handle>;
  const readings = `readings-${randomUUID()}`;

  beforeAll(async () => {
    aws = await openAws();
    await makeStream(readings, 2);
    const variables = await functionVariables(dir, ['accounts', 'works-1']);
    handler = serveHandler({ ...variables, WEIR_TELEMETRY_STREAM: readings });
  });

  afterAll(async () => {
    await aws?.stop();
  });

  async function call(method: string, path: string, body: string | null, bearer = callerKey) {
    const answer = await handler(gatewayEvent({ method, path, body, bearer }));
    return { status: answer.statusCode, body: answer.body };
  }

  test('decides, repeats, refuses and tells as the API on a server does', async () => {
    const [payment] = accountPayments({ from: 0, count: 1, accounts: 1, partitions: 1 });
    const body = payment?.value ?? '';
    const first = await call('POST', '/v1/authorizations:score', body);
    expect(first).toMatchObject({ status: 200, body: expect.stringContaining('"outcome":"approve"') });
    expect(await call('POST', '/v1/authorizations:score', body)).toEqual(first);
    const other = JSON.stringify({ ...JSON.parse(body), amountMinor: 1 });
    expect(await call('POST', '/v1/authorizations:score', other)).toMatchObject({
      status: 409,
      body: expect.stringContaining('"code":"conflict"'),
    });
    const { decisionId, eventTimeMs } = JSON.parse(first.body);
    expect(await call('GET', `/v1/decisions/${decisionId}`, null)).toEqual(first);
    const clearing = {
      tenantId: 'accounts',
      eventId: 'c-0',
      eventTimeMs,
      accountId: 'acc-0',
      authorizationId: 'a-0',
      amountMinor: 100,
      currency: 'EUR',
    };
    expect(await call('POST', '/v1/clearings', JSON.stringify(clearing))).toMatchObject({ status: 202 });
    const ahead = JSON.stringify({ ...JSON.parse(body), eventId: 'ahead', eventTimeMs: Date.now() + 86_400_000 });
    expect(await call('POST', '/v1/authorizations:score', ahead)).toMatchObject({
      status: 422,
      body: expect.stringContaining('"code":"future"'),
    });
    expect(await call('POST', '/v1/authorizations:score', body, 'nobody')).toMatchObject({ status: 401 });
    expect(await call('POST', '/v1/authorizations:score', '{}')).toMatchObject({ status: 422 });
  });

  test('puts readings into a stream, those of a plant in their order', async () => {
    const batch = Array.from({ length: 300 }, (_, number) => ({
      ...sampleReading,
      readingId: `r-${number}`,
      plant: `plant-${number % 3}`,
    }));
    const body = JSON.stringify({ readings: [...batch, { ...sampleReading, value: null }] });
    const answer = await call('POST', '/v1/telemetry', body);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([202, { accepted: 300, refused: 1 }]);
    const sources = await readStream(readings);
    const records = sources.flatMap((source) => kinesisBatches(source.payloadOf(source.records), topic));
    const came = records.flatMap((of) => of.records.map(({ contract, bytes }) => ({ contract, bytes })));
    expect(new Set(came.map(({ contract }) => contract))).toEqual(new Set(['telemetry.reading.v1']));
    const parsed = came.map(({ bytes }) =>
      z
        .object({ plant: z.string() })
        .loose()
        .parse(JSON.parse(Buffer.from(bytes).toString())),
    );
    for (const plant of ['plant-0', 'plant-1', 'plant-2']) {
      expect(parsed.filter((one) => one.plant === plant)).toEqual(batch.filter((one) => one.plant === plant));
    }
    expect(sources.flatMap((source) => source.records).length).toBeLessThanOrEqual(3);
  });
});
