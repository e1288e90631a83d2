import { createHash } from 'node:crypto';
import { z } from 'zod';
import { accountPayments } from '../simulate/account-payments.ts';
import { openStream, wholeBelow } from '../simulate/random.ts';
import type { KafkaRun } from './kafka-run.ts';
import { partitions } from './kafka-run.ts';

/** By the id of a payment, `count sum max` of its card's hour. */
export type HourRows = ReadonlyMap<string, string>;

const accounts = 2000;
const hourMs = 3_600_000;
const firstMs = 1_760_000_000_000;
const gapMs = 100;
const step = 5000;
const seed = 20_261_201;

/**
 * Writes payments of 4,000 cards to the topic, a twentieth of a second apart on average and in the order of their times,
 * so that no engine drops a row; tells the rows that are right, each counted afresh from its card's payments.
 */
export async function fillHours(run: KafkaRun, events: number): Promise<HourRows> {
  const random = openStream({ seed, name: 'peers' });
  let timeMs = firstMs;
  const times = Array.from({ length: events }, () => (timeMs += 1 + wholeBelow(random, gapMs)));
  const owners = times.map(() => wholeBelow(random, accounts));
  const rows = new Map<string, string>();
  const cards = new Map<string, Payment[]>();
  const producer = await run.driver.openProducer();
  for (let from = 0; from < events; from += step) {
    const made = accountPayments({
      from,
      count: Math.min(step, events - from),
      accounts,
      partitions,
      eventTimeMs: (number) => times[number] ?? 0,
      accountOf: (number) => owners[number] ?? 0,
    });
    for (const { value } of made) {
      const payment = paymentSchema.parse(JSON.parse(value));
      rows.set(payment.eventId, rowOf(payment, cards));
    }
    await producer.send(
      made.map(({ partition, key, value }) => ({
        topic: run.payments,
        partition,
        key: Buffer.from(key),
        value: Buffer.from(value),
      })),
    );
  }
  await producer.close();
  return rows;
}

const paymentSchema = z.object({
  eventId: z.string(),
  cardToken: z.string(),
  eventTimeMs: z.number(),
  amountMinor: z.number(),
});
type Payment = z.infer<typeof paymentSchema>;

function rowOf(payment: Payment, cards: Map<string, Payment[]>): string {
  const before = cards.get(payment.cardToken) ?? [];
  const hour = [...before, payment].filter(({ eventTimeMs }) => eventTimeMs > payment.eventTimeMs - hourMs);
  cards.set(payment.cardToken, hour);
  const amounts = hour.map(({ amountMinor }) => amountMinor);
  return `${amounts.length} ${amounts.reduce((sum, amount) => sum + amount, 0)} ${Math.max(...amounts)}`;
}

/** Throws at the first row that differs; a digest of all otherwise. */
export function compareRows(engine: string, got: HourRows, expected: HourRows): string {
  const hash = createHash('sha256');
  for (const [eventId, row] of expected) {
    const other = got.get(eventId) ?? 'no row';
    if (other !== row) throw new Error(`got ${other} of ${engine} for ${eventId}, expected ${row}`);
    hash.update(`${eventId} ${other}\n`);
  }
  if (got.size !== expected.size) throw new Error(`got ${got.size} rows of ${engine}, expected ${expected.size}`);
  return hash.digest('hex').slice(0, 16);
}
