import type { Scoring } from '../runtime/scoring.ts';
import {
  clip,
  formatAmount,
  formatBar,
  formatCount,
  formatDuration,
  formatMs,
  formatShare,
  formatTime,
} from './format.ts';
import { outcomes, reasonTexts } from './run-summary.ts';
import { screenWidth } from './screen.ts';
import { latencyOf, recentPace, type Tally } from './tally.ts';
import { paint, type Tone } from './terminal.ts';

type Viewed = { readonly scoring: Scoring; readonly tally: Tally; readonly title: string };

const tones = { approve: 'good', review: 'warning', stepUp: 'warning', decline: 'bad' } as const;
const declinesShown = 3;

/** The lines of the live view of a demonstration. */
export function demoLines({ scoring, tally, title }: Viewed): readonly string[] {
  const width = screenWidth();
  const elapsed = formatDuration(performance.now() - tally.startMs);
  const head = `${title.padEnd(width - elapsed.length - 1)} ${elapsed}`;
  const rule = tone('─'.repeat(width), 'dim');
  return [
    tone(clip(head, width), 'title'),
    rule,
    ...flowLines({ scoring, tally }),
    '',
    ...outcomeLines(scoring, width),
    '',
    ...asideLines(scoring),
    rule,
    ...declineLines(tally, width),
    tone('Ctrl-C stops and prints a summary', 'dim'),
  ];
}

function flowLines({ scoring, tally }: Omit<Viewed, 'title'>): string[] {
  const { p50, p95, p99 } = latencyOf(tally);
  const events = formatCount(scoring.counts.get('records') ?? 0);
  return [
    line('events', `${events.padStart(11)}   ${formatCount(recentPace(tally)).padStart(8)} a second`),
    line('watermark', `${formatTime(scoring.totals().watermarkMs)}   lag ${formatCount(scoring.lagRecords)} records`),
    line('latency', `p50 ${formatMs(p50)}   p95 ${formatMs(p95)}   p99 ${formatMs(p99)}`),
  ];
}

function outcomeLines({ counts }: Scoring, width: number): string[] {
  const of = (outcome: string): number => counts.get(`decisions.${outcome}`) ?? 0;
  const all = outcomes.reduce((sum, outcome) => sum + of(outcome), 0);
  return outcomes.map((outcome) => {
    const numbers = `${formatCount(of(outcome)).padStart(11)}  ${formatShare(of(outcome), all).padStart(8)}  `;
    const bar = formatBar(all === 0 ? 0 : of(outcome) / all, Math.max(0, width - 35));
    return line(outcome, `${numbers}${tone(bar, tones[outcome])}`);
  });
}

function asideLines(scoring: Scoring): string[] {
  const { counts } = scoring;
  const of = (name: string): string => formatCount(counts.get(name) ?? 0);
  let refused = 0;
  for (const [name, count] of counts) if (name.startsWith('deadLetters.')) refused += count;
  const { currencies, openHolds } = scoring.totals().ledger;
  const open = Object.entries(currencies).map(([currency, { openMinor }]) => formatAmount(openMinor, currency));
  return [
    line(
      'late',
      `${of('late')}   too late ${of('tooLate')}   duplicates ${of('duplicates')}   dead letters ${formatCount(refused)}`,
    ),
    line('ledger', `${open.join(', ') || 'nothing'} on hold, ${formatCount(openHolds)} holds open`),
  ];
}

function declineLines({ declines }: Tally, width: number): string[] {
  const lines = declines.slice(0, declinesShown).flatMap((decision) => {
    const time = new Date(decision.eventTimeMs).toISOString().slice(5, 19).replace('T', ' ');
    const reasons = reasonTexts(decision, 2).join('; ');
    return [
      `${tone('declined', 'bad')}  ${time}  ${clip(decision.eventId, 24)}  score ${decision.score}`,
      tone(clip(`          ${reasons}`, width), 'dim'),
    ];
  });
  return [...lines, ...Array.from({ length: declinesShown * 2 - lines.length }, () => '')];
}

function line(name: string, text: string): string {
  return `${tone(name.padEnd(11), 'dim')}${text}`;
}

function tone(text: string, chosen: Tone): string {
  return paint(text, { tone: chosen, on: 'error' });
}
