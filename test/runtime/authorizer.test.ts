import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Answer, DecisionAnswer } from '../../adapters/http/port.ts';
import { type DecisionView, decisionView } from '../../core/contract/decision-view.ts';
import { assemble, shippedFiles } from '../../runtime/assemble.ts';
import { type Authorizer, type AuthorizerOptions, openAuthorizer } from '../../runtime/authorizer.ts';
import { sampleAuthorization, sampleDispute, sampleRelease } from '../contract/sample-events.ts';

const dir = mkdtempSync(join(tmpdir(), 'weir-authorizer-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const nobody = async (): Promise<null> => null;
const startMs = Date.now() - 100_000;

async function open(
  name: string,
  findKept: (id: string) => Promise<DecisionAnswer | null> = nobody,
  more: Partial<AuthorizerOptions> = {},
): Promise<Authorizer> {
  return openAuthorizer({
    dir: join(dir, name),
    assembled: await assemble(shippedFiles),
    findKept,
    cutRecords: 200,
    ...more,
  });
}

type Sent = Pick<typeof sampleAuthorization, 'tenantId' | 'accountId' | 'eventId' | 'eventTimeMs'>;

function payment(number: number, more: Partial<typeof sampleAuthorization> = {}) {
  return { ...sampleAuthorization, eventId: `auth-${number}`, eventTimeMs: startMs + number * 100, ...more };
}

function submit(authorizer: Authorizer, event: Sent, topic = 'payments.authorization.v1'): Promise<Answer> {
  const { tenantId, accountId, eventId } = event;
  const identity = { topic, tenantId, key: accountId, eventId };
  return authorizer.submit({ topic, bytes: Buffer.from(JSON.stringify(event)), identity });
}

function decided(answer: Answer): DecisionView {
  if (answer.kind !== 'decided') throw new Error(`got ${answer.kind}, expected a decision`);
  return decisionView.parse(JSON.parse(answer.decision.text));
}

test('the same event a hundred times at once is decided once, and all are answered with that', async () => {
  const authorizer = await open('same');
  const answers = await Promise.all(Array.from({ length: 100 }, () => submit(authorizer, payment(1))));
  expect(new Set(answers.map((answer) => JSON.stringify(decided(answer)))).size).toBe(1);
  expect(answers.filter((answer) => answer.kind === 'decided' && !answer.isRepeat).length).toBe(1);
  expect(authorizer.scoring.counts.get('accepted.payments.authorization.v1')).toBe(1);
  expect(authorizer.scoring.totals().ledger.currencies['EUR']).toMatchObject({ authorizationEntries: 1 });
  await authorizer.close();
});

test('a request sees the one before of the same card, also when both come at once', async () => {
  const authorizer = await open('order');
  const answers = await Promise.all([1, 2, 3, 4].map((number) => submit(authorizer, payment(number))));
  expect(answers.map((answer) => decided(answer).features['customer_count_1d'])).toEqual([1, 2, 3, 4]);
  expect(answers.map((answer) => decided(answer).offset)).toEqual([0, 1, 2, 3]);
  await authorizer.close();
});

test('another body under a known id, and a time too far ahead, are refused; other events are taken', async () => {
  const authorizer = await open('refused');
  await submit(authorizer, payment(1));
  expect(await submit(authorizer, payment(1, { amountMinor: 1 }))).toMatchObject({
    kind: 'refused',
    refusal: { code: 'conflict' },
  });
  const ahead = payment(2, { eventTimeMs: Date.now() + 3_600_000 });
  expect(await submit(authorizer, ahead)).toMatchObject({ kind: 'refused', refusal: { code: 'future' } });
  for (const [event, topic] of [
    [{ ...sampleRelease, eventTimeMs: startMs }, 'payments.clearing.v1'],
    [{ ...sampleDispute, eventTimeMs: startMs }, 'payments.dispute.v1'],
  ] as const)
    expect(await submit(authorizer, event, topic)).toMatchObject({ kind: 'accepted' });
  await authorizer.close();
});

test('what was answered is the decision, after a crash and after an ordered end', async () => {
  const authorizer = await open('crash');
  const events = Array.from({ length: 500 }, (_, number) => payment(number));
  const first = (await Promise.all(events.map((event) => submit(authorizer, event)))).map(decided);
  // As a crash leaves it: whatever was answered is on the disk.
  const filter = (path: string) => !basename(path).startsWith('owner');
  cpSync(join(dir, 'crash'), join(dir, 'crashed'), { recursive: true, filter });
  const asked: string[] = [];
  const kept = new Map(first.map((view) => [view.decisionId, { ...view, text: JSON.stringify(view) }]));
  const crashed = await open('crashed', async (id) => {
    asked.push(id);
    return kept.get(id) ?? null;
  });
  const again = (await Promise.all(events.map((event) => submit(crashed, event)))).map(decided);
  expect(again).toEqual(first);
  // Those of the cuts alone are looked up in the lake; the others were decided again from the log, and the same.
  expect(new Set(asked).size).toBeLessThan(500);
  await crashed.close();
  await authorizer.close();
  await expect(submit(authorizer, payment(501))).rejects.toMatchObject({ code: 'NOT_READY' });
});

test('an event beyond those that may wait is refused, and the others are answered', async () => {
  const authorizer = await open('busy', nobody, { waitingMax: 10 });
  const asked = await Promise.allSettled(
    Array.from({ length: 30 }, (_, number) => submit(authorizer, payment(number))),
  );
  const refused = asked.filter(({ status }) => status === 'rejected');
  expect(refused.length).toBe(20);
  for (const one of refused) expect(one).toMatchObject({ reason: { code: 'BUSY', facts: { waitingMax: 10 } } });
  expect((await submit(authorizer, payment(11))).kind).toBe('decided');
  await authorizer.close();
});
