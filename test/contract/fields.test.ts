import { expect, test } from 'vitest';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { decisionContract } from '../../core/contract/decision.ts';
import { fieldKinds } from '../../core/contract/fields.ts';

test('every field of an authorization has its kind', () => {
  const text = { kind: 'text', integer: false, optional: false };
  expect(Object.fromEntries(fieldKinds(authorizationContract))).toEqual({
    tenantId: text,
    eventId: text,
    eventTimeMs: { kind: 'number', integer: true, optional: false },
    accountId: text,
    cardToken: text,
    merchantId: text,
    terminalId: text,
    amountMinor: { kind: 'number', integer: true, optional: false },
    currency: text,
    channel: text,
    entryMode: text,
    mcc: text,
    country: text,
    'location.latitude': { kind: 'number', integer: false, optional: true },
    'location.longitude': { kind: 'number', integer: false, optional: true },
    deviceId: { ...text, optional: true },
    ipPrefix: { ...text, optional: true },
  });
});

test('a field that may be null is optional, and a list is left out', () => {
  const kinds = fieldKinds(decisionContract);
  expect(kinds.get('watermarkMs')).toEqual({ kind: 'number', integer: true, optional: true });
  expect(kinds.get('fallback.stage')).toEqual({ kind: 'text', integer: false, optional: true });
  expect(kinds.get('late')).toEqual({ kind: 'boolean', integer: false, optional: false });
  expect([...kinds.keys()].filter((path) => path.startsWith('reasonCodes') || path === 'features')).toEqual([]);
});
