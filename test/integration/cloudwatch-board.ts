import { z } from 'zod';
import { type DrawnPanel, drawBoard } from '../../scripts/draw-board.ts';

/** A value that a metric had, at a time in Unix seconds. */
export type Sample = { readonly seconds: number; readonly value: number };

/** What was measured, by namespace and name of the metric. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

const options = z.object({
  id: z.string().optional(),
  label: z.string().optional(),
  expression: z.string().optional(),
  stat: z.string().optional(),
  visible: z.boolean().default(true),
});
const boardSchema = z.object({
  widgets: z.array(
    z.object({
      properties: z.object({
        title: z.string(),
        metrics: z.array(z.array(z.union([z.string(), options]))),
        annotations: z.object({ horizontal: z.array(z.object({ value: z.number() })) }).optional(),
      }),
    }),
  ),
});

/** Draws a dashboard of CloudWatch from its JSON with what was measured, a point a second where CloudWatch has one a minute. */
export function drawCloudWatch(
  body: string,
  samples: Samples,
  range: { readonly from: number; readonly to: number },
): string {
  const panels = boardSchema.parse(JSON.parse(body)).widgets.map(({ properties }): DrawnPanel => {
    const { title, metrics, annotations } = properties;
    const series = new Map<string, Points>();
    const lines: { name: string; points: Points }[] = [];
    // What an expression names stands behind it.
    for (const metric of metrics.toReversed()) {
      const { id = '', label = '', expression, stat = '', visible } = optionsOf(metric);
      const names = metric.filter((one) => typeof one === 'string');
      const points =
        expression === undefined
          ? bucketed(samples.get(`${names[0]} ${names[1]}`) ?? [], stat, range)
          : evaluate(expression, series, { samples, range });
      if (id !== '') series.set(id, points);
      if (visible) lines.push({ name: label, points });
    }
    const limits = (annotations?.horizontal ?? []).map(({ value }) => value);
    return { title, help: '', unit: 'short', limits, lines: lines.reverse() };
  });
  return drawBoard('CloudWatch: weir', panels, range);
}

type Points = readonly (readonly [seconds: number, value: number])[];
type Range = { readonly from: number; readonly to: number };

function optionsOf(metric: readonly (string | z.infer<typeof options>)[]): z.infer<typeof options> {
  const last = metric.at(-1);
  if (last === undefined || typeof last === 'string') throw new Error('got a metric without options, expected some');
  return last;
}

function bucketed(samples: readonly Sample[], stat: string, { from, to }: Range): Points {
  const isSum = stat === 'Sum';
  const points: [number, number][] = [];
  for (let second = Math.floor(from); second < to; second++) {
    const values = samples.filter(({ seconds }) => Math.floor(seconds) === second).map(({ value }) => value);
    if (values.length > 0 || isSum) points.push([second, statisticOf(values, stat)]);
  }
  return points;
}

/** Sums, maxima, percentiles as `p95`, percentile ranks as `PR(:180)`. */
function statisticOf(values: readonly number[], stat: string): number {
  if (stat === 'Sum') return values.reduce((sum, value) => sum + value, 0);
  if (stat === 'Maximum') return Math.max(...values);
  const sorted = values.toSorted((left, right) => left - right);
  const percentile = /^p(\d+)$/.exec(stat)?.[1];
  if (percentile !== undefined)
    return sorted[Math.min(sorted.length - 1, Math.ceil((Number(percentile) / 100) * sorted.length) - 1)] ?? Number.NaN;
  const rank = /^PR\(:(\d+)\)$/.exec(stat)?.[1];
  if (rank === undefined) throw new Error(`got the statistic ${stat}, expected one of the boards`);
  return (100 * values.filter((value) => value <= Number(rank)).length) / values.length;
}

/** The expressions of the board: a sum, a quotient by a number, a search for a name, a price over a sum. */
function evaluate(
  expression: string,
  series: ReadonlyMap<string, Points>,
  { samples, range }: { readonly samples: Samples; readonly range: Range },
): Points {
  const searched = /MetricName=(\w+)/.exec(expression)?.[1];
  if (searched !== undefined) {
    const found = [...samples].filter(([name]) => name.startsWith(`Weir ${searched}`)).flatMap(([, some]) => some);
    return bucketed(found, 'Sum', range);
  }
  const [, usd, millions, of = ''] = /^IF\((?:\w+) > 0, ([\d.]+) \* (\d+) \/ (\w+)\)$/.exec(expression) ?? [];
  if (usd !== undefined) {
    // Of an hour: its price over what a whole hour of such seconds would decide.
    const hourly = 3600;
    return pointsOf(series, of)
      .filter(([, value]) => value > 0)
      .map(([seconds, value]) => [seconds, (Number(usd) * Number(millions)) / (value * hourly)]);
  }
  const [, divided, by] = /^(\w+) \/ (\d+)$/.exec(expression) ?? [];
  if (divided !== undefined) return pointsOf(series, divided).map(([seconds, value]) => [seconds, value / Number(by)]);
  const sums = new Map<number, number>();
  for (const term of expression.split(' + ')) {
    const id = /^FILL\((\w+), 0\)$/.exec(term)?.[1] ?? term;
    for (const [seconds, value] of pointsOf(series, id)) sums.set(seconds, (sums.get(seconds) ?? 0) + value);
  }
  return [...sums];
}

function pointsOf(series: ReadonlyMap<string, Points>, id: string): Points {
  const points = series.get(id);
  if (points === undefined) throw new Error(`got an expression over ${id}, expected a metric of the widget`);
  return points;
}
