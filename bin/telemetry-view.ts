import type { Alarm } from '../core/telemetry/alarm.ts';
import type { TelemetryRun } from '../runtime/telemetry.ts';
import { clip, formatCount, formatDuration, formatTime } from './format.ts';
import { screenWidth } from './screen.ts';
import { recentPace, type Tally } from './tally.ts';
import { paint, type Tone } from './terminal.ts';

/** What the live view shows. */
export type TelemetryView = {
  readonly title: string;
  readonly run: Pick<TelemetryRun, 'counts' | 'watermarks'>;
  readonly tally: Tally;
  /** The last revision of every alarm, in the order in which they were raised. */
  readonly alarms: ReadonlyMap<string, Alarm>;
  /** Rows of tiers that ended. */
  readonly tierRows: number;
  /** When the last reading was taken. */
  readonly ingestTimeMs: number;
};

const alarmsShown = 4;

/** The lines of the live view of plants. */
export function telemetryLines(view: TelemetryView): readonly string[] {
  const { title, tally } = view;
  const width = screenWidth();
  const elapsed = formatDuration(performance.now() - tally.startMs);
  const rule = tone('─'.repeat(width), 'dim');
  return [
    tone(clip(`${title.padEnd(width - elapsed.length - 1)} ${elapsed}`, width), 'title'),
    rule,
    ...countLines(view),
    rule,
    ...newestAlarms(view, width),
    tone('Ctrl-C stops and prints a summary', 'dim'),
  ];
}

function countLines(view: TelemetryView): string[] {
  const { run, tally, tierRows, ingestTimeMs } = view;
  const { counts } = run;
  const of = (name: string): string => formatCount(counts.get(name) ?? 0);
  const { leastMs, greatestMs } = run.watermarks();
  const behindMs = Number.isFinite(leastMs) ? ingestTimeMs - leastMs : 0;
  return [
    line('readings', `${of('records').padStart(11)}   ${formatCount(recentPace(tally)).padStart(8)} a second`),
    line('watermark', `${formatTime(greatestMs)}   the plant furthest behind: ${formatDuration(behindMs)}`),
    line(
      'verdicts',
      `good ${of('verdict.good')}   bad ${of('verdict.bad')}   out of range ${of('verdict.outOfRange')}`,
    ),
    line('units', `converted ${of('converted')}   not to be converted ${of('verdict.wrongUnit')}`),
    line(
      'late',
      `${of('late')}   duplicates ${of('duplicates')}   conflicts ${of('deadLetters.conflict')}   future ${of('deadLetters.future')}`,
    ),
    line('tier rows', tierRows === 0 ? 'none yet' : `${formatCount(tierRows)} of panes that have ended`),
    line('alarms', alarmCounts(view)),
  ];
}

function alarmCounts({ run, alarms }: TelemetryView): string {
  const kinds = [...run.counts].filter(([name]) => name.startsWith('alarms.') && name !== 'alarms.suppressed');
  const open = [...alarms.values()].filter(({ endedAtMs }) => endedAtMs === null).length;
  const raised = kinds.map(([name, count]) => `${name.slice('alarms.'.length)} ${formatCount(count)}`);
  return raised.length === 0 ? 'none yet' : `${raised.join('   ')}   open ${formatCount(open)}`;
}

function newestAlarms({ alarms }: TelemetryView, width: number): string[] {
  const newest = [...alarms.values()].slice(-alarmsShown).toReversed();
  const lines = newest.flatMap((alarm) => {
    const [head, cause] = alarmLines(alarm);
    const isOpen = alarm.endedAtMs === null;
    return [tone(clip(head, width), isOpen ? 'bad' : 'plain'), tone(clip(cause, width), 'dim')];
  });
  return [...lines, ...Array.from({ length: alarmsShown * 2 - lines.length }, () => '')];
}

/** One alarm in two lines: what and where, then why. */
export function alarmLines(alarm: Alarm): readonly [head: string, cause: string] {
  const { kind, plant, line: lineName, machine, sensor, raisedAtMs, endedAtMs, cause } = alarm;
  const where = [plant, lineName, machine, sensor].filter((name) => name !== null).join('/');
  const state = endedAtMs === null ? 'since' : 'ended';
  const time = formatTime(endedAtMs ?? raisedAtMs).slice(11, 19);
  return [`${kind.padEnd(9)}${state} ${time}  ${where}`, `         ${withoutDates(cause)}`];
}

/** Instants without their date and milliseconds, which the lines above tell or nobody needs. */
function withoutDates(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)\.\d{3}Z/g, '$1');
}

function line(name: string, text: string): string {
  return `${tone(name.padEnd(11), 'dim')}${text}`;
}

function tone(text: string, chosen: Tone): string {
  return paint(text, { tone: chosen, on: 'error' });
}
