import { z } from 'zod';
import { identifier } from './identifier.ts';

/** The latest event time that a contract accepts: the last millisecond of the year 9999, UTC. */
const eventTimeMsMax = 253_402_300_799_999;

/** The largest amount of one payment, in minor units. */
const amountMinorMax = 1_000_000_000_000;

/** Milliseconds UTC since 1970. */
export const eventTimeMs = z.int().min(0).max(eventTimeMsMax);

/** A whole number of minor units of the currency beside it. */
export const amountMinor = z.int().min(0).max(amountMinorMax);

/** An ISO 4217 code. */
export const currency = z.string().regex(/^[A-Z]{3}$/, 'an ISO 4217 code of three upper-case letters');

/** What the four outcomes of a decision are called. */
export const outcome = z.enum(['approve', 'review', 'stepUp', 'decline']);

/** The fields that every payment event has. */
export const paymentFields = { tenantId: identifier, eventId: identifier, eventTimeMs, accountId: identifier };

/** The fields that a clearing and a reversal share: which authorization they end, and how much of it. */
export const releaseFields = { ...paymentFields, authorizationId: identifier, amountMinor, currency };

const secondMs = 1000;
const dayMs = 86_400 * secondMs;

/** The times and the partitions that the payment contracts share. */
export const paymentTimings = {
  outOfOrdernessMs: 5 * secondMs,
  allowedLatenessMs: 60 * secondMs,
  maxFutureMs: 300 * secondMs,
  idleMs: 60 * secondMs,
  retentionMs: 120 * dayMs,
  partitions: 32,
};
