import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createHistogram, quantile, record } from '../runtime/histogram.ts';

// The load of `npm run bench -- serve`, a process of its own: requests come at a steady rate, whether or not the last ones
// are answered, and each is clocked from the moment that it was due.
const { values } = parseArgs({
  options: {
    url: { type: 'string', default: '' },
    key: { type: 'string', default: '' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    warm: { type: 'string', default: '2' },
    cards: { type: 'string', default: '500000' },
  },
});
const rate = Number(values.rate);
const warmUntil = Number(values.warm) * rate;
const total = warmUntil + Number(values.seconds) * rate;
const cards = Number(values.cards);
const agent = new Agent({ keepAlive: true, maxSockets: 256, scheduling: 'lifo' });
const headers = { authorization: `Bearer ${values.key}`, 'content-type': 'application/json' };
const latencyUs = createHistogram();
const statuses = new Map<string, number>();
const run = Math.random().toString(36).slice(2, 8);
let ended = 0;

function bodyOf(number: number): string {
  const card = (number * 7919) % cards;
  return (
    `{"tenantId":"bank","eventId":"${run}-${number}","eventTimeMs":${Date.now()},"accountId":"account-${card}",` +
    `"cardToken":"card-${card}","merchantId":"merchant-${number % 5000}","terminalId":"terminal-${number % 10_000}",` +
    `"amountMinor":${1000 + (number % 9000)},"currency":"EUR","channel":"ecommerce","entryMode":"manual","mcc":"5411","country":"NL"}`
  );
}

function send(number: number, dueMs: number): void {
  const end = (status: string): void => {
    ended++;
    if (number < warmUntil) return;
    record(latencyUs, { value: Math.max(0, performance.now() - dueMs) * 1000 });
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  };
  const asked = request(values.url, { method: 'POST', agent, headers }, (response) => {
    response.resume();
    response.once('end', () => end(String(response.statusCode)));
  });
  asked.once('error', (error) => end(error.message));
  asked.end(bodyOf(number));
}

const startMs = performance.now();
for (let sent = 0; sent < total;) {
  const due = Math.min(total, Math.floor(((performance.now() - startMs) * rate) / 1000));
  for (; sent < due; sent++) send(sent, startMs + (sent * 1000) / rate);
  await sleep(1);
}
while (ended < total) await sleep(5);
const ms = (share: number): number => (quantile(latencyUs, share) ?? 0) / 1000;
const { user, system } = process.cpuUsage();
process.stdout.write(
  `${JSON.stringify({
    p50: ms(0.5),
    p95: ms(0.95),
    p99: ms(0.99),
    p999: ms(0.999),
    longest: (latencyUs.max ?? 0) / 1000,
    statuses: Object.fromEntries(statuses),
    cpuSeconds: (user + system) / 1e6,
  })}\n`,
);
agent.destroy();
