import type { Authorization } from '../../core/contract/authorization.ts';
import type { Clearing } from '../../core/contract/clearing.ts';
import type { Dispute } from '../../core/contract/dispute.ts';
import type { LedgerEntry } from '../../core/contract/ledger-entry.ts';
import type { Measurement } from '../../core/contract/measurement.ts';
import type { Reading } from '../../core/contract/reading.ts';

/** An authorization with every optional field. */
export const sampleAuthorization: Authorization = {
  tenantId: 'bank-1',
  eventId: 'auth-1',
  eventTimeMs: 1_700_000_000_123,
  accountId: 'account-1',
  cardToken: 'tok_7f3a9b2c1d',
  merchantId: 'merchant-1',
  terminalId: 'terminal-1',
  amountMinor: 12_345,
  currency: 'EUR',
  channel: 'cardPresent',
  entryMode: 'chip',
  mcc: '5411',
  country: 'DE',
  location: { latitude: 52.5, longitude: 13.4 },
  deviceId: 'device-1',
  ipPrefix: '192.0.2.0/24',
};

/** A clearing, and in all but its topic a reversal. */
export const sampleRelease: Clearing = {
  tenantId: 'bank-1',
  eventId: 'release-1',
  eventTimeMs: 1_700_000_600_000,
  accountId: 'account-1',
  authorizationId: 'auth-1',
  amountMinor: 12_345,
  currency: 'EUR',
};

/** A dispute for fraud. */
export const sampleDispute: Dispute = {
  tenantId: 'bank-1',
  eventId: 'dispute-1',
  eventTimeMs: 1_700_600_000_000,
  accountId: 'account-1',
  authorizationId: 'auth-1',
  reason: 'fraud',
};

/** The ledger entry of a hold. */
export const sampleLedgerEntry: LedgerEntry = {
  entryId: 'entry-1',
  tenantId: 'bank-1',
  kind: 'authorization',
  authorizationId: 'auth-1',
  accountId: 'account-1',
  eventTimeMs: 1_700_000_000_123,
  debitAccount: 'cardholder:account-1',
  creditAccount: 'merchant:merchant-1',
  amountMinor: 12_345,
  currency: 'EUR',
  outcome: 'approve',
  unmatched: false,
  offset: 0,
  sequence: 0,
};

/** A reading of a temperature. */
export const sampleReading: Reading = {
  tenantId: 'works-1',
  readingId: 'reading-1',
  plant: 'plant-1',
  line: 'line-1',
  machine: 'machine-1',
  sensor: 'temperature-1',
  metric: 'temperature',
  unit: 'degC',
  value: 71.25,
  quality: 'GOOD',
  eventTimeMs: 1_700_000_000_123,
};

/** What the reading came to. */
export const sampleMeasurement: Measurement = {
  tenantId: 'works-1',
  readingId: 'reading-1',
  plant: 'plant-1',
  line: 'line-1',
  machine: 'machine-1',
  sensor: 'temperature-1',
  metric: 'temperature',
  unit: 'degC',
  value: 71.25,
  verdict: 'good',
  isConverted: false,
  eventTimeMs: 1_700_000_000_123,
};
