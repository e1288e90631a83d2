import { unmappableTopic } from '../../core/contract/unmappable-header.ts';
import { wrapUnmappable } from '../../core/decode/unmappable.ts';
import type { SourceBytes } from './source-bytes.ts';
import { keptSizeBytesMax, lineSizeBytesMax, splitLines, type SourceLine } from './source-lines.ts';
import type { ReadRow, SourceItem } from './source-rows.ts';

/** The topic of a line that is an event and not an object of topic and event. */
const bareTopic = 'payments.authorization.v1';

export const tooLongMessage = `got a line of more than ${lineSizeBytesMax} bytes, of which the first ${keptSizeBytesMax} are here`;

/**
 * Lines that are events already, as they are: `{"topic": ..., "event": {...}}`, or an authorization alone. What is not
 * JSON passes too, for decoding to refuse it with its own bytes.
 */
export async function* passJsonLines(input: SourceBytes): AsyncGenerator<readonly SourceItem[]> {
  let rowNumber = 0;
  for await (const lines of splitLines(input.chunks(), 'none')) {
    const items: SourceItem[] = [];
    for (const line of lines) {
      items.push(toItem(line, rowNumber));
      rowNumber += 1;
    }
    yield items;
  }
}

/** Lines that a mapping turns into events: each must be a JSON object. */
export async function* mapJsonLines(input: SourceBytes): AsyncGenerator<readonly ReadRow[]> {
  for await (const lines of splitLines(input.chunks(), 'none')) yield lines.map(toRow);
}

function toRow({ bytes, damage }: SourceLine): ReadRow {
  if (damage !== null) return { kind: 'damaged', message: tooLongMessage, bytes };
  const row = parseObject(bytes);
  if (row === null) return { kind: 'damaged', message: 'got a line that is not a JSON object in UTF-8', bytes };
  return { kind: 'row', row, bytes };
}

function toItem({ bytes, damage }: SourceLine, sourceRow: number): SourceItem {
  if (damage !== null) {
    const header = { topic: bareTopic, sourceRow, message: tooLongMessage, issues: [] };
    return { topic: unmappableTopic, bytes: wrapUnmappable({ ...header, bytes }) };
  }
  return unwrapEvent(bytes);
}

/** The topic and the event of `{"topic": ..., "event": {...}}`; anything else is an authorization, or none. */
export function unwrapEvent(bytes: Uint8Array): SourceItem {
  return unwrapEnvelope(bytes) ?? { topic: bareTopic, bytes };
}

const envelopeStart = /^[ \t]*\{[ \t]*"(?:topic|event)"[ \t]*:/;
const topicFirst = /^[ \t]*\{[ \t]*"topic"[ \t]*:[ \t]*"([a-z0-9.]+)"[ \t]*,[ \t]*"event"[ \t]*:[ \t]*(?=\{)/;
const envelopeStartSizeBytesMax = 300;

/** The topic and the event of a line that holds both; the event's bytes are the line's own when the topic stands first. */
function unwrapEnvelope(bytes: Uint8Array): SourceItem | null {
  const start = Buffer.from(bytes.subarray(0, envelopeStartSizeBytesMax)).toString('latin1');
  if (!envelopeStart.test(start)) return null;
  const found = topicFirst.exec(start);
  const eventEnd = bytes.lastIndexOf(closingBrace);
  const topic = found?.[1];
  if (found !== null && topic !== undefined && eventEnd > found[0].length && isBlankAfter(bytes, eventEnd)) {
    return { topic, bytes: bytes.subarray(found[0].length, eventEnd) };
  }
  const envelope = parseObject(bytes);
  if (envelope === null || typeof envelope['topic'] !== 'string' || !isObject(envelope['event'])) return null;
  return { topic: envelope['topic'], bytes: Buffer.from(JSON.stringify(envelope['event'])) };
}

const closingBrace = 125;
const space = 32;

function isBlankAfter(bytes: Uint8Array, end: number): boolean {
  return bytes.subarray(end + 1).every((byte) => byte <= space);
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(decoder.decode(bytes));
    return isObject(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
