import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { hashOfKey } from '../../adapters/http/api-keys.ts';
import { decisionView } from '../../core/contract/decision-view.ts';
import { fetchPython } from '../../engines/python.ts';
import { createRegistry } from '../../core/telemetry/registry.ts';
import { openTelemetry } from '../../runtime/telemetry.ts';
import { readingAt, thermometer } from '../telemetry/sample-plant.ts';
import { sampleAuthorization } from '../contract/sample-events.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-serve-'));
const keys = join(dir, 'keys.json');
const key = 'weir_test_key';
const pan = '4111 1111 1111 1111';
/** Bodies of each kind; more by a command. */
const fuzzed = Number(process.env['WEIR_FUZZED_BODIES'] ?? 450);
let said = '';
let server: Served;

type Served = { readonly process: ChildProcess; readonly url: string };

async function serve(out: string, ...more: readonly string[]): Promise<Served> {
  const args = ['bin/weir.ts', 'serve', '--out', join(dir, out), '--port', '0', '--keys', keys, '--json'];
  const child = spawn(process.execPath, [...args, '--deadline-ms', '5000', ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  let text = '';
  for await (const line of createInterface({ input: child.stdout })) {
    text += line;
    if (line !== '}') continue;
    return { process: child, url: z.object({ url: z.string() }).parse(JSON.parse(text)).url };
  }
  throw new Error(`got the end of the server, expected its address: ${said}`);
}

async function ask(
  url: string,
  body: string,
  more: Record<string, string> = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...more };
  const answer = await fetch(`${url}/v1/authorizations:score`, { method: 'POST', headers, body });
  const text = await answer.text();
  said += text;
  return { status: answer.status, text };
}

function payment(number: number) {
  const eventTimeMs = Date.now() - 60_000 + number;
  return JSON.stringify({ ...sampleAuthorization, eventId: `p${number}`, accountId: `a${number % 50}`, eventTimeMs });
}

beforeAll(async () => {
  const scopes = ['score', 'events', 'read', 'metrics', 'telemetry'];
  const caller = { id: 'test', sha256: hashOfKey(key), tenants: ['*'], scopes, perSecond: 1e6, burst: 1e6 };
  writeFileSync(keys, JSON.stringify({ version: 1, keys: [caller] }));
  server = await serve('api');
});

afterAll(async () => {
  server.process.kill('SIGKILL');
  await once(server.process, 'close');
  rmSync(dir, { recursive: true, force: true });
});

test('killed under load, a server that comes back gives every answer that it gave, and none twice', async () => {
  const first = await serve('killed');
  const bodies = Array.from({ length: 600 }, (_, number) => payment(number));
  const answered = new Map<string, string>();
  const asking = bodies.map(async (body, index) => {
    // A third is asked before the kill, the rest while it comes.
    if (index === 400) first.process.kill('SIGKILL');
    const answer = await ask(first.url, body).catch(() => null);
    if (answer?.status === 200) answered.set(body, answer.text);
  });
  await Promise.all(asking);
  const second = await serve('killed');
  const again = await Promise.all(bodies.map((body) => ask(second.url, body)));
  expect(again.map(({ status }) => status)).toEqual(bodies.map(() => 200));
  for (const [index, body] of bodies.entries()) {
    const before = answered.get(body);
    if (before !== undefined) expect(again[index]?.text).toBe(before);
  }
  const views = again.map(({ text }) => decisionView.parse(JSON.parse(text)));
  expect(new Set(views.map(({ decisionId }) => decisionId)).size).toBe(600);
  const exit = once(second.process, 'exit');
  second.process.kill('SIGTERM');
  await exit;
  expect(second.process.exitCode).toBe(0);
  const out = join(dir, 'killed');
  execFileSync(process.execPath, ['bin/weir.ts', 'ledger', 'verify', '--out', out]);
  const explained = execFileSync(process.execPath, [
    'bin/weir.ts',
    'explain',
    views[0]?.decisionId ?? '',
    '--out',
    out,
    '--json',
  ]);
  expect(z.object({ score: z.number() }).parse(JSON.parse(explained.toString())).score).toBe(views[0]?.score);
  // Started again over the lake alone, it still gives the first answer.
  const third = await serve('killed');
  const kept = await ask(third.url, bodies[0] ?? '');
  expect(decisionView.parse(JSON.parse(kept.text))).toEqual(views[0]);
  third.process.kill('SIGKILL');
});

test('readings that were told to be kept are there after a kill, and once though they are sent again', async () => {
  const devices = [thermometer];
  const file = join(dir, 'registry.json');
  writeFileSync(file, JSON.stringify({ version: 1, devices }));
  const readings = Array.from({ length: 500 }, (_, number) => readingAt(thermometer, number * 10, 20 + (number % 9)));
  const send = async (url: string): Promise<number> => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ readings });
    return (await fetch(`${url}/v1/telemetry`, { method: 'POST', headers, body })).status;
  };
  const first = await serve('readings', '--registry', file);
  expect(await send(first.url)).toBe(202);
  first.process.kill('SIGKILL');
  await once(first.process, 'exit');
  const second = await serve('readings', '--registry', file);
  expect(await send(second.url)).toBe(202);
  const exit = once(second.process, 'exit');
  second.process.kill('SIGTERM');
  await exit;
  expect(second.process.exitCode).toBe(0);
  const run = openTelemetry({ dir: join(dir, 'readings', 'telemetry'), registry: createRegistry(devices) });
  expect([run.lagRecords, run.counts.get('accepted'), run.counts.get('duplicates')]).toEqual([0, 500, 500]);
  await run.close();
});

test('bodies of any kind get an answer that is no failure of ours, and the next one is decided', async () => {
  const anything = fc.oneof(fc.string(), fc.integer(), fc.double(), fc.constant(null));
  const near = fc.record(Object.fromEntries(Object.keys(sampleAuthorization).map((name) => [name, anything])));
  const bodies = [
    ...fc.sample(fc.json({ maxDepth: 4 }), { numRuns: fuzzed, seed: 1 }),
    ...fc.sample(fc.string({ unit: 'binary', maxLength: 300 }), { numRuns: fuzzed, seed: 2 }),
    ...fc.sample(near, { numRuns: fuzzed, seed: 3 }).map((value) => JSON.stringify(value)),
    ...fc.sample(fc.nat({ max: 400 }), { numRuns: fuzzed, seed: 4 }).map((cut) => payment(7).slice(0, cut)),
  ];
  for (let from = 0; from < bodies.length; from += 50) {
    const answers = await Promise.all(bodies.slice(from, from + 50).map((body) => ask(server.url, body)));
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
  }
  expect((await ask(server.url, payment(1))).status).toBe(200);
});

test('what is answered past the time that its caller gave is counted, and is decided all the same', async () => {
  const bodies = Array.from({ length: 300 }, (_, number) => payment(10_000 + number));
  const hurried = await Promise.all(bodies.map((body) => ask(server.url, body, { 'weir-deadline-ms': '1' })));
  const late = hurried.filter(({ status }) => status === 503);
  expect(hurried.filter(({ status }) => status === 200).length + late.length).toBe(300);
  for (const { text } of late) expect(JSON.parse(text)).toMatchObject({ code: 'deadline' });
  const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  expect(await metrics.text()).toMatch(new RegExp(`^weir_http_late_total ${late.length}$`, 'm'));
  expect(late.length).toBeGreaterThan(0);
  const again = await Promise.all(bodies.map((body) => ask(server.url, body)));
  const views = again.map(({ text }) => decisionView.parse(JSON.parse(text)));
  expect(new Set(views.map(({ decisionId }) => decisionId)).size).toBe(300);
  for (const [index, { status, text }] of hurried.entries()) if (status === 200) expect(again[index]?.text).toBe(text);
  expect((await ask(server.url, payment(10_300), { 'weir-deadline-ms': 'soon' })).status).toBe(400);
});

test('a card number that is sent is in no answer, log or file', async () => {
  const digits = pan.replaceAll(' ', '');
  for (const wrong of [
    { cardToken: digits },
    { eventId: pan },
    { merchantId: digits },
    { [digits]: 1 },
    { mcc: digits },
  ]) {
    const answer = await ask(server.url, JSON.stringify({ ...sampleAuthorization, ...wrong }));
    expect(answer.status).toBe(422);
  }
  await ask(server.url, `{"cardToken":"${digits}"`);
  await ask(server.url, payment(900));
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const texts = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'));
  expect(texts.some((text) => text.includes('p900'))).toBe(true);
  for (const text of [...texts, said]) {
    expect(text).not.toContain(digits);
    expect(text).not.toContain(pan);
  }
});

describe('schemathesis', () => {
  test('finds nothing wrong by the OpenAPI document', async () => {
    const python = await fetchPython({ name: 'schemathesis-4', packageName: 'schemathesis>=4,<5' });
    const report = join(dir, 'schemathesis');
    mkdirSync(report);
    const args = [
      '-m',
      'schemathesis.cli',
      'run',
      `${server.url}/openapi.json`,
      '--header',
      `Authorization: Bearer ${key}`,
    ];
    // An event whose time is far ahead is refused by the clock, which no schema says.
    const more = ['--max-examples', '50', '--seed', '1', '--no-color', '--exclude-checks', 'positive_data_acceptance'];
    let text = '';
    try {
      text = execFileSync(python, [...args, ...more], {
        encoding: 'utf8',
        cwd: report,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    } catch (error) {
      const failed = z.object({ stdout: z.string(), stderr: z.string() }).parse(error);
      throw new Error(`schemathesis found:\n${failed.stdout.slice(-6000)}\n${failed.stderr.slice(-2000)}`, {
        cause: error,
      });
    }
    expect(text).toMatch(/No issues found|0 failed|passed/);
    expect(existsSync(report)).toBe(true);
  });
});
