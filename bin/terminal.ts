import { writeSync } from 'node:fs';
import { styleText } from 'node:util';
import { hideCardNumbers } from './card-guard.ts';

/** How words stand out: the colours that the terminal has, none where it has none or NO_COLOR is set. */
export type Tone = 'title' | 'good' | 'warning' | 'bad' | 'dim' | 'plain';

/** Where text goes. Data goes to `out`, everything else to `error`. */
export type Channel = 'out' | 'error';

const formats = {
  title: 'bold',
  good: 'green',
  warning: 'yellow',
  bad: 'red',
  dim: 'dim',
  plain: 'reset',
} as const satisfies Record<Tone, Parameters<typeof styleText>[0]>;

/** Colours text for a channel. */
export function paint(text: string, { tone, on }: { readonly tone: Tone; readonly on: Channel }): string {
  if (tone === 'plain') return text;
  return styleText(formats[tone], text, { stream: on === 'out' ? process.stdout : process.stderr });
}

/** Prints data for people on standard output, a line end after it. */
export function say(text: string): void {
  process.stdout.write(`${hideCardNumbers(text)}\n`);
}

/** Prints a remark on standard error, a line end after it. */
export function remark(text: string): void {
  process.stderr.write(`${hideCardNumbers(text)}\n`);
}

/** Prints one JSON value on standard output. Exact integers beyond 2^53 become text. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${jsonOf(value)}\n`);
}

/** Prints one JSON value as one line on standard error, at once: the process may be about to end. */
export function remarkJson(value: unknown): void {
  writeSync(2, `${JSON.stringify(value, jsonValue)}\n`);
}

/** JSON as the command line prints it. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, jsonValue, 2);
}

function jsonValue(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return hideCardNumbers(value);
  return value instanceof Map ? Object.fromEntries(value) : value;
}
