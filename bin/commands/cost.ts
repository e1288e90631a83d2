import { type Command, Option } from 'commander';
import { type Comparison, compareDesigns, type Crossing, savingOf } from '../../lib/cost/compare.ts';
import { type DesignCost, type DesignId, designs } from '../../lib/cost/designs.ts';
import { createLoad, ledgerUnits, type Load } from '../../lib/cost/load.ts';
import { flinkCpu, type Measured, type Workload, workerCpu } from '../../lib/cost/measured.ts';
import { prices } from '../../lib/cost/prices.ts';
import { formatCount, formatRows, formatShare } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption, numberAboveZero, wholeNumber } from '../invocation.ts';
import { title } from '../summary-text.ts';
import { say, sayJson } from '../terminal.ts';

type CostOptions = {
  readonly eps: number;
  readonly bytes: number;
  readonly ledger?: true | 'conditional' | 'transaction';
  readonly workload?: Workload;
  readonly retentionHours: number;
  readonly cpuUs?: number;
  readonly flinkCpuUs?: number;
  readonly batch: number;
  readonly json?: true;
};

/** Adds `weir cost`. */
export function addCost(program: Command, invocation: Invocation): void {
  const command = program
    .command('cost')
    .summary('what a month of a stream costs on AWS, by design')
    .description(
      'What a month of a stream costs on AWS, by design: every formula with its numbers, every price with its source and date, the measured CPU, and where the order of the designs changes.',
    )
    .requiredOption('--eps <n>', 'events a second, day and night', numberAboveZero)
    .requiredOption('--bytes <n>', 'bytes of an event', numberAboveZero)
    .addOption(new Option('--ledger [how]', 'each event writes to the ledger').choices(['conditional', 'transaction']))
    .addOption(
      new Option('--workload <kind>', 'whose CPU: default telemetry, with --ledger payments').choices([
        'telemetry',
        'payments',
      ]),
    )
    .option('--retention-hours <n>', 'how long the log is kept', numberAboveZero, 24)
    .option('--cpu-us <us>', 'CPU of an event in our worker, in place of the measured', numberAboveZero)
    .option('--flink-cpu-us <us>', 'CPU of an event in Flink', numberAboveZero)
    .option('--batch <n>', 'events that one call of a function gets', wholeNumber(1), 1000)
    .addOption(jsonOption());
  addExamples(
    command,
    'weir cost --eps 140000 --bytes 256',
    'weir cost --eps 5000 --bytes 512 --ledger transaction --json',
  );
  command.action((options: CostOptions) => {
    const comparison = compareDesigns(loadOf(options));
    if (options.json) sayJson(factsOf(comparison));
    else say(textOf(comparison));
    invocation.exitCode = exitCodes.ok;
  });
}

function loadOf({ ledger, ...options }: CostOptions): Load {
  return createLoad({
    eventsPerSecond: options.eps,
    eventBytes: options.bytes,
    workload: options.workload,
    retentionHours: options.retentionHours,
    ledgerUnitsPerEvent:
      ledger === undefined ? ledgerUnits.none : ledgerUnits[ledger === true ? 'conditional' : ledger],
    workerCpuUs: options.cpuUs,
    flinkCpuUs: options.flinkCpuUs,
    batchEvents: options.batch,
  });
}

function factsOf({ load, costs, cheapest, cheapestKafka, crossings }: Comparison): object {
  const { worker, flink } = measuredOf(load);
  return {
    load,
    designs: costs,
    cheapest: cheapest.id,
    cheapestKafka: cheapestKafka.id,
    verdict: verdictOf(cheapest, cheapestKafka),
    crossings,
    measured: { worker, flink },
    prices,
    notIncluded: notIncluded(load),
  };
}

function textOf({ load, costs, cheapest, cheapestKafka, crossings }: Comparison): string {
  const { worker, flink } = measuredOf(load);
  const used = new Set(costs.flatMap(({ lines }) => lines.flatMap((line) => line.prices)));
  const priceRows = [...used].map((name) => {
    const { usd, unit, dated, source } = prices[name];
    return [String(usd), unit, dated, source];
  });
  return [
    title(
      `${formatCount(load.eventsPerSecond)} events a second of ${formatCount(load.eventBytes)} bytes, kept ${load.retentionHours} h; USD a month, us-east-1`,
    ),
    formatRows([
      ['a month', 'per million', 'design'],
      ...costs.map(({ usdMonth, usdPerMillionEvents, name }) => [
        formatCount(usdMonth).padStart(9),
        usdPerMillionEvents.toFixed(4).padStart(11),
        name,
      ]),
    ]),
    '',
    verdictOf(cheapest, cheapestKafka),
    ...costs.flatMap(costText),
    '',
    title('Where the order changes, all else the same'),
    crossings.length === 0
      ? '  nowhere from 1 to 1,000,000 events a second and 16 to 65,536 bytes'
      : formatRows(crossings.map(crossingCells)),
    '',
    title('Measured, CPU us an event'),
    formatRows([measuredCells('worker', load.workerCpuUs, worker), measuredCells('Flink', load.flinkCpuUs, flink)]),
    '',
    title('Prices, USD'),
    formatRows([['', 'for a', 'as of', 'source'], ...priceRows]),
    '',
    ...notIncluded(load),
  ].join('\n');
}

function costText({ name, usdMonth, lines }: DesignCost): string[] {
  const rows = lines.map((line) => [formatCount(line.usdMonth).padStart(9), line.what, line.formula]);
  return ['', title(`${name}: ${formatCount(usdMonth)}`), formatRows(rows)];
}

/** The answer in a sentence, and whether it is Kafka. */
export function verdictOf(cheapest: DesignCost, cheapestKafka: DesignCost): string {
  const saving = savingOf(cheapest, cheapestKafka);
  if (saving === null) return `The cheapest that keeps windows: ${cheapest.name}.`;
  const more = formatCount(cheapestKafka.usdMonth - cheapest.usdMonth);
  return (
    `The cheaper answer is not Kafka: ${cheapest.name} is the cheapest that keeps windows, ` +
    `${formatShare(saving, 1)} below ${cheapestKafka.name}, which costs ${more} more.`
  );
}

function crossingCells({ scale, at, cheaperBelow, cheaperAbove }: Crossing): string[] {
  const unit = scale === 'eventsPerSecond' ? 'events a second' : 'bytes an event';
  return [`${formatCount(at)} ${unit}`, `below: ${nameOf(cheaperBelow)}`, `above: ${nameOf(cheaperAbove)}`];
}

function nameOf(id: DesignId): string {
  return designs.find((design) => design.id === id)?.name ?? id;
}

function measuredOf({ workload }: Load): { readonly worker: Measured; readonly flink: Measured } {
  return { worker: workerCpu[workload], flink: flinkCpu[workload] };
}

function measuredCells(who: string, usedUs: number, measured: Measured): string[] {
  const isAsked = usedUs !== measured.cpuUsPerEvent;
  return isAsked ? [who, String(usedUs), 'asked for'] : [who, String(usedUs), measured.what, measured.source];
}

function notIncluded({ retentionHours }: Load): string[] {
  const always =
    'Not in it: alarms, logs, keys, endpoints, the lake, the CPU of aggregating records, support, taxes. A vCPU counts as a core of the machine that measured.';
  return retentionHours > 24
    ? [always, 'Kinesis keeps 24 h for its price; the longer time is counted on MSK only.']
    : [always];
}
