import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { hashOfKey } from '../adapters/http/api-keys.ts';
import { assemble, shippedFiles } from '../runtime/assemble.ts';
import { openAuthorizer } from '../runtime/authorizer.ts';
import { cpuMsOf } from './kafka-run.ts';

export const name = 'serve';

const { values } = parseArgs({
  strict: false,
  options: {
    cards: { type: 'string', default: '500000' },
    seconds: { type: 'string', default: '10' },
    rates: { type: 'string', default: '500,2000,5000,10000' },
  },
});
const cards = Number(values.cards);
const rates = String(values.rates).split(',').map(Number);
const key = 'weir_bench';
const disk = mkdtempSync(join(tmpdir(), 'weir-serve-'));
const memory = mkdtempSync('/dev/shm/weir-serve-');
const keys = join(disk, 'keys.json');
const lines: string[] = [];
process.on('exit', () => [disk, memory].forEach((dir) => rmSync(dir, { recursive: true, force: true })));

/**
 * The score API under open-loop load from a second process, over a history of as many cards as payments; the log on a disk
 * with an fsync before each answer, and in memory. Beside both, a server that answers at once: the floor of this machine.
 */
export const variants = [{ name: 'load', run: measureAll }];

/** Quantiles in milliseconds from the moment that a request was due. */
export async function report(): Promise<readonly string[]> {
  return lines;
}

const loadResult = z.object({
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  p999: z.number(),
  longest: z.number(),
  statuses: z.record(z.string(), z.number()),
  cpuSeconds: z.number(),
});

async function measureAll(): Promise<number> {
  const caller = { id: 'bench', sha256: hashOfKey(key), tenants: ['*'], scopes: ['score'], perSecond: 1e9, burst: 1e9 };
  writeFileSync(keys, JSON.stringify({ version: 1, keys: [caller] }));
  const history = join(disk, 'history');
  await fillHistory(history);
  for (const rate of rates) {
    const echo = createServer((request, response) => request.resume().once('end', () => response.end('{"score":1}')));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const address = echo.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const cpuMs = cpuMsOf(process.pid);
    await load(`echo`, { rate, url: `http://127.0.0.1:${port}/`, cpuMs: () => cpuMsOf(process.pid) - cpuMs });
    echo.closeAllConnections();
    echo.close();
    for (const [where, dir] of [
      ['log on disk, fsync before the answer', disk],
      ['log in memory', memory],
    ] as const) {
      const out = join(dir, `out-${rate}`);
      cpSync(history, out, { recursive: true });
      await loadServer(where, { out, rate });
      rmSync(out, { recursive: true, force: true });
    }
  }
  return rates.length;
}

async function loadServer(
  where: string,
  { out, rate }: { readonly out: string; readonly rate: number },
): Promise<void> {
  const { child, url } = await serve(out);
  const { pid = 0 } = child;
  const startMs = cpuMsOf(pid);
  await load(where, { rate, url: `${url}/v1/authorizations:score`, cpuMs: () => cpuMsOf(pid) - startMs });
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

type Load = { readonly rate: number; readonly url: string; readonly cpuMs: () => number };

async function load(where: string, { rate, url, cpuMs }: Load): Promise<void> {
  const warm = 2;
  const args = ['--url', url, '--key', key, '--rate', String(rate), '--warm', String(warm), '--cards', String(cards)];
  const child = spawn(process.execPath, ['bench/serve-load.ts', ...args, '--seconds', String(values.seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  for await (const line of createInterface({ input: child.stdout })) said += line;
  const { p50, p95, p99, p999, longest, statuses, cpuSeconds } = loadResult.parse(JSON.parse(said));
  const requests = rate * (Number(values.seconds) + warm);
  const ms = [p50, p95, p99, p999, longest].map((value) => value.toFixed(2)).join(', ');
  lines.push(
    `${rate} a second, ${where}: p50, p95, p99, p99.9, longest ${ms} ms; answers ${JSON.stringify(statuses)}; CPU us a request: ` +
      `server ${((cpuMs() * 1000) / requests).toFixed(0)}, load ${((cpuSeconds * 1e6) / requests).toFixed(0)}`,
  );
}

async function serve(out: string): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const args = ['bin/weir.ts', 'serve', '--out', out, '--port', '0', '--keys', keys, '--json', '--deadline-ms', '5000'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  for await (const line of createInterface({ input: child.stdout })) {
    text += line;
    if (line === '}') return { child, url: z.object({ url: z.string() }).parse(JSON.parse(text)).url };
  }
  throw new Error('got the end of the server, expected its address');
}

/** One payment of each card, over the last ten days. */
async function fillHistory(dir: string): Promise<void> {
  const authorizer = await openAuthorizer({ dir, assembled: await assemble(shippedFiles), findKept: async () => null });
  const topic = 'payments.authorization.v1';
  const startMs = Date.now() - 10 * 86_400_000;
  const step = 1000;
  for (let from = 0; from < cards; from += step) {
    const answers = Array.from({ length: Math.min(step, cards - from) }, (_, index) => {
      const card = from + index;
      const event = {
        tenantId: 'bank',
        eventId: `history-${card}`,
        accountId: `account-${card}`,
        cardToken: `card-${card}`,
        eventTimeMs: startMs + Math.floor((card * 9 * 86_400_000) / cards),
        merchantId: `merchant-${card % 5000}`,
        terminalId: `terminal-${card % 10_000}`,
        amountMinor: 1000 + (card % 9000),
        currency: 'EUR',
        channel: 'ecommerce',
        entryMode: 'manual',
        mcc: '5411',
        country: 'NL',
      };
      const identity = { topic, tenantId: event.tenantId, key: event.accountId, eventId: event.eventId };
      return authorizer.submit({ topic, bytes: Buffer.from(JSON.stringify(event)), identity });
    });
    await Promise.all(answers);
  }
  await authorizer.close();
}
