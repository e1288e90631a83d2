import type { ExactInteger } from '../core/engine/exact-sum.ts';

/** `1234567` as `1,234,567`. */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** A share as `98.35 %`; `n/a` of nothing. */
export function formatShare(part: number, whole: number): string {
  return whole === 0 ? 'n/a' : `${((100 * part) / whole).toFixed(2)} %`;
}

/** An amount in minor units as `1,234.50 EUR`, with the currency's own number of decimals. */
export function formatAmount(amountMinor: ExactInteger, currency: string): string {
  const decimals = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits;
  const digits = String(amountMinor < 0 ? -amountMinor : amountMinor).padStart((decimals ?? 2) + 1, '0');
  const units = formatCount(BigInt(digits.slice(0, digits.length - (decimals ?? 2))));
  const fraction = decimals === 0 ? '' : `.${digits.slice(digits.length - (decimals ?? 2))}`;
  return `${amountMinor < 0 ? '-' : ''}${units}${fraction} ${currency}`;
}

/** Bytes as `1.2 MiB`. */
export function formatBytes(sizeBytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let power = 0;
  while (power < units.length - 1 && sizeBytes >= 1024 ** (power + 1)) power++;
  return `${(sizeBytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** A latency as `3.1 ms`; `n/a` when nothing was measured. */
export function formatMs(latencyMs: number | null): string {
  if (latencyMs === null) return 'n/a';
  if (latencyMs >= 10_000) return `${(latencyMs / 1000).toFixed(1)} s`;
  return `${latencyMs.toFixed(latencyMs < 10 ? 2 : 1)} ms`;
}

/** A length of time as `1:02:03` or `2:03`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  const minutes = Math.floor(seconds / 60) % 60;
  const hours = Math.floor(seconds / 3600);
  const two = (part: number): string => String(part).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** An event time or a watermark as `2026-01-31 12:00:00 UTC`; a watermark may be before or after all time. */
export function formatTime(timeMs: number | null): string {
  if (timeMs === null || timeMs === -Infinity) return 'none yet';
  if (timeMs === Infinity) return 'the end';
  return `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Rows of cells, left-aligned columns two blanks apart; numbers are padded by the caller. */
export function formatRows(rows: readonly (readonly string[])[], indent = '  '): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows
    .map((row) => `${indent}${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}

/** A bar of up to `widthMax` characters for a share in [0, 1], in eighths of a character. */
export function formatBar(share: number, widthMax: number): string {
  const eighths = Math.round(Math.min(Math.max(share, 0), 1) * widthMax * 8);
  const rest = ' ▏▎▍▌▋▊▉'[eighths % 8] ?? '';
  return `${'█'.repeat(Math.floor(eighths / 8))}${eighths % 8 === 0 ? '' : rest}`;
}

/** Cuts text to a width, with an ellipsis. */
export function clip(text: string, widthMax: number): string {
  return text.length <= widthMax ? text : `${text.slice(0, Math.max(0, widthMax - 1))}…`;
}

/** Text in lines of at most `widthMax` characters, broken at blanks. */
export function wrap(text: string, widthMax: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > widthMax) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
