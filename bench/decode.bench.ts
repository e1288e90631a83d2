import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { canonicalJson } from '../core/decode/canonical.ts';
import { createColumnSpace, measureLayout } from '../core/decode/column-space.ts';
import { authorizationContract } from '../core/contract/authorization.ts';
import { idempotencyHash, idempotencyKey } from '../core/contract/idempotency-key.ts';
import { compileDecoder, decodeRow } from '../core/decode/compile-decoder.ts';
import { readEvent } from '../core/decode/compiled-decoder.ts';
import { internRow, writeRow } from '../core/decode/compiled-row.ts';
import { decode } from '../core/decode/decode.ts';
import { type EventColumns, type EventLayout, layOutEvents } from '../core/decode/event-columns.ts';
import { hashRow } from '../core/decode/hash-row.ts';
import { createInterner } from '../core/decode/interner.ts';
import { simulatePayments } from '../simulate/payments.ts';
import type { Variant } from './run.ts';

const utf8 = new TextDecoder();
const utf8Encoder = new TextEncoder();
const eventsMax = 5000;
const topic = authorizationContract.topic;
const layout: EventLayout = { numbers: ['amountMinor'], texts: ['cardToken', 'merchantId', 'currency'] };

export const name = 'decode';

type Sample = { readonly text: string; readonly bytes: Uint8Array; readonly start: number; readonly end: number };

/** Events one after the other in one buffer, as a block of the log has them. */
type Samples = { readonly block: Uint8Array; readonly events: readonly Sample[] };

const texts = createTexts();
const canonical = packSamples(texts.map(sortKeys));
const declared = packSamples(texts);
const escaped = packSamples(texts.map(escapeTexts));
const garbage = packSamples(texts.map((text) => text.replaceAll(/[{}"]/g, '#')));
const failing = packSamples(texts.map((text) => `${sortKeys(text).slice(0, -1)}]`));

const decoder = compileDecoder({ contract: authorizationContract, layout, interner: createInterner() });
const columns = createColumns();

/**
 * Authorizations of the simulated world (about 330 bytes), with the keys in the order of the canonical text and in the
 * order that the simulator writes them. What the readable decoder takes for bad input stands beside the compiled one.
 */
export const variants: readonly Variant[] = [
  { name: 'compiled: read and check', run: () => readAll(canonical, 'read') },
  { name: 'compiled: and write to columns', run: () => readAll(canonical, 'write') },
  { name: 'compiled: and intern 3 keys', run: () => readAll(canonical, 'intern') },
  { name: 'compiled: and hash (all of decodeRow)', run: () => readAll(canonical, 'hash') },
  { name: 'compiled, other key order: read, check', run: () => readAll(declared, 'read') },
  { name: 'compiled, other key order: decodeRow', run: () => readAll(declared, 'hash') },
  { name: 'JSON.parse of text', run: () => each(canonical, ({ text }) => JSON.parse(text)) },
  { name: 'JSON.parse of bytes', run: () => each(canonical, ({ bytes }) => JSON.parse(utf8.decode(bytes))) },
  { name: 'JSON.parse of bytes and zod', run: () => each(canonical, parseWithZod) },
  ajvVariant(),
  { name: 'readable: decode, id hash', run: () => each(canonical, decodeReadably) },
  ...versus('escapes everywhere', escaped),
  ...versus('garbage', garbage),
  ...versus('wrong at the last byte', failing),
];

function versus(title: string, samples: Samples): readonly Variant[] {
  return [
    { name: `${title}: compiled, then readable`, run: () => readAll(samples, 'decode') },
    { name: `${title}: readable`, run: () => each(samples, decodeReadably) },
  ];
}

/** How far an event is taken; `decode` is all, and whether it is accepted does not matter. */
type Depth = 'read' | 'write' | 'intern' | 'hash' | 'decode';

function readAll({ block, events }: Samples, depth: Depth): number {
  columns.counts.fill(0);
  for (let row = 0; row < events.length; row += 1) {
    const { start, end } = events[row]!;
    if (depth === 'decode') {
      decodeRow(decoder, columns, row, block, start, end);
      continue;
    }
    if (!readEvent(decoder, block, start, end)) throw new Error(`got event ${row} refused, expected it read`);
    if (depth === 'read') continue;
    writeRow(decoder, columns, row);
    if (depth === 'write') continue;
    internRow(decoder, columns, row);
    if (depth === 'hash') hashRow(decoder, columns, row);
  }
  return events.length;
}

function each({ events }: Samples, work: (sample: Sample) => unknown): number {
  for (const sample of events) work(sample);
  return events.length;
}

function parseWithZod({ bytes }: Sample): unknown {
  return authorizationContract.schema.parse(JSON.parse(utf8.decode(bytes)));
}

/** As far as the columns go: the event, its body hash and its id hash. */
function decodeReadably({ bytes }: Sample): void {
  const decoded = decode({ topic, bytes });
  if (!decoded.ok) return;
  const { tenantId, accountId, eventId } = decoded.event.event;
  idempotencyHash(idempotencyKey({ topic, tenantId, key: accountId, eventId }));
}

/** Only where the package is installed: it is no dependency of anything that ships. */
function ajvVariant(): Variant {
  const ajv = new Ajv2020({ strict: false });
  const validate = ajv.compile(z.toJSONSchema(authorizationContract.schema, { io: 'input' }));
  const run = (): number =>
    each(canonical, ({ bytes }) => {
      if (!validate(JSON.parse(utf8.decode(bytes)))) throw new Error('got a refusal');
    });
  return { name: 'JSON.parse of bytes and ajv', run };
}

function createTexts(): readonly string[] {
  const found: string[] = [];
  for (const item of simulatePayments({ seed: 1 })) {
    if (item.topic !== topic) continue;
    found.push(JSON.stringify(item.event));
    if (found.length === eventsMax) break;
  }
  return found;
}

function sortKeys(text: string): string {
  return canonicalJson(JSON.parse(text));
}

/** Every letter of every text and key as an escape. */
function escapeTexts(text: string): string {
  return text.replaceAll(/"[^"]*"/g, (quoted) =>
    quoted.replaceAll(/[a-zA-Z]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

function packSamples(list: readonly string[]): Samples {
  const block = utf8Encoder.encode(list.join('') + ' '.repeat(256));
  const events: Sample[] = [];
  let start = 0;
  for (const text of list) {
    const end = start + text.length;
    events.push({ text, bytes: block.slice(start, end), start, end });
    start = end;
  }
  return { block, events };
}

function createColumns(): EventColumns {
  const sizes = { layout, rowsMax: eventsMax, textBytesMax: eventsMax * 64 };
  const sizeBytes = measureLayout((space) => layOutEvents(space, sizes));
  return layOutEvents(createColumnSpace(new SharedArrayBuffer(sizeBytes)), sizes);
}
