import type { Command } from 'commander';
import { formatNumber } from '../../core/score/reasons.ts';
import { iso20022Action } from '../../core/score/iso20022.ts';
import {
  type DecisionRow,
  type FeatureValues,
  findDecision,
  findFeatures,
  type SettledFeatures,
} from '../find-decision.ts';
import { type CountsAs, findGeneration } from '../find-generation.ts';
import { clip, formatBar, formatRows, formatTime } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { requireRun } from '../output-directory.ts';
import { title } from '../summary-text.ts';
import { paint, say, sayJson } from '../terminal.ts';

type ExplainOptions = { readonly out: string; readonly json?: true };

/** Adds `weir explain`. */
export function addExplain(program: Command, invocation: Invocation): void {
  const command = program
    .command('explain')
    .summary('why one payment was decided as it was')
    .description(
      "Shows one decision: outcome, score, reasons against the customer's normal, rules, versions and every feature value that was used.",
    )
    .argument('<id>', 'of the decision, the beginning of one, or the id of its event')
    .requiredOption('--out <dir>', 'the folder of a run')
    .addOption(jsonOption());
  addExamples(
    command,
    'weir explain tx-00000042 --out weir-out/demo-1',
    'weir explain 3f9a0c1b --out weir-out/demo-1 --json',
  );
  command.action(async (id: string, options: ExplainOptions) => {
    invocation.exitCode = await explain(id, options);
  });
}

async function explain(id: string, { out, json }: ExplainOptions): Promise<number> {
  requireRun(out);
  const decision = await findDecision(out, id);
  const features = await findFeatures(out, decision);
  const counts = await findGeneration(out, decision);
  if (json) sayJson({ ...report(decision, features), counts });
  else say(explainText(decision, features, counts));
  return exitCodes.ok;
}

function report(decision: DecisionRow, features: SettledFeatures): object {
  return {
    decisionId: decision.decision_id,
    tenantId: decision.tenant_id,
    accountId: decision.account_id,
    eventId: decision.event_id,
    eventTime: new Date(decision.event_time).toISOString(),
    offset: decision.offset,
    generation: 0,
    outcome: decision.outcome,
    iso20022Action: iso20022Action(decision.outcome),
    score: decision.score,
    reasons: decision.reasons,
    ruleHits: decision.rule_hits.map(({ id, version, mode, scoreDelta }) => ({ id, version, mode, scoreDelta })),
    model: { id: decision.model_id, version: decision.model_version, hash: decision.model_hash },
    ruleSet: { id: decision.rule_set_id, version: decision.rule_set_version, hash: decision.rule_set_hash },
    featureSet: {
      name: decision.feature_set_name,
      version: decision.feature_set_version,
      hash: decision.feature_set_hash,
    },
    watermark: timeOf(decision.watermark ?? null),
    late: decision.late,
    tooLate: decision.too_late,
    fallback: decision.fallback ?? null,
    featureValues: decision.used.map(({ value }) => value),
    settled: features !== null,
    revision: features?.revision ?? null,
    features: features?.values ?? [],
  };
}

function timeOf(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}

function explainText(decision: DecisionRow, features: SettledFeatures, counts: CountsAs | null): string {
  return [
    `${headLine(decision)}\n${headRows(decision, counts)}`,
    `${title("Reasons, against this customer's normal")}\n${reasonLines(decision)}`,
    `${title('Rules that hit')}\n${ruleLines(decision)}`,
    `${title('Features')}\n${featureLines(decision, features)}`,
    `${title('Decided by')}\n${versionRows(decision)}`,
  ].join('\n\n');
}

const tones = { approve: 'good', review: 'warning', stepUp: 'warning', decline: 'bad' } as const;

function headLine({ outcome, score }: DecisionRow): string {
  const bar = formatBar(score / 1000, 30);
  return `${paint(outcome, { tone: tones[outcome], on: 'out' })}  score ${score} of 1000  ${bar}`;
}

function headRows(decision: DecisionRow, counts: CountsAs | null): string {
  const rows = [
    ['decision', decision.decision_id],
    ['event', `${decision.event_id}, account ${decision.account_id}, tenant ${decision.tenant_id}`],
    ['time', `${formatTime(decision.event_time)}, offset ${decision.offset} of the log`],
    ['watermark', `${watermarkText(decision)}, ${latenessOf(decision)}`],
    ['ISO 20022', `${iso20022Action(decision.outcome)} (cain.001 recommended action)`],
  ];
  if (counts !== null) {
    const { generation, replayId, outcome, score } = counts;
    rows.push([
      'counts as',
      `${outcome}, score ${score}, in generation ${generation} of the lake (replay ${replayId})`,
    ]);
  }
  if (decision.fallback) rows.push(['fallback', `${decision.fallback.stage} was skipped: ${decision.fallback.reason}`]);
  return formatRows(rows);
}

/** After the end of a bounded input the watermark is beyond all time, and what comes is too late. */
function watermarkText({ watermark, too_late: tooLate }: DecisionRow): string {
  return formatTime(watermark ?? (tooLate ? Infinity : null));
}

function latenessOf({ late, too_late: tooLate }: DecisionRow): string {
  if (tooLate) return 'too late: scored, the windows stay as they were';
  return late ? 'late: scored, and taken into the windows' : 'on time';
}

/** A reason in words, how much it moved the score, and value and normal as two bars of one scale. */
function reasonLines({ reasons }: DecisionRow): string {
  if (reasons.length === 0) return '  none: nothing raised the score';
  const contributionMax = Math.max(...reasons.filter(isOfModel).map(({ contribution }) => Math.abs(contribution)));
  return reasons
    .map((reason) => {
      const { code, text, value, baseline, contribution } = reason;
      const moved = isOfModel(reason)
        ? `${formatBar(Math.abs(contribution) / contributionMax, 16)} +${formatNumber(contribution)} log-odds`
        : `rule, ${signed(contribution)} points`;
      const head = [`  ${text}`, `    ${clip(code, 36).padEnd(36)}  ${moved}`];
      return [...head, ...barRows({ value, baseline })].map((line) => clip(line.trimEnd(), 80)).join('\n');
    })
    .join('\n');
}

function isOfModel({ feature }: DecisionRow['reasons'][number]): boolean {
  return feature !== null;
}

function barRows({ value, baseline }: { readonly value: number | null; readonly baseline: number | null }): string[] {
  if (value === null || baseline === null) return [];
  const largest = Math.max(Math.abs(value), Math.abs(baseline));
  const row = (name: string, number: number): string =>
    `    ${name}  ${formatNumber(number).padStart(12)}  ${largest === 0 ? '' : formatBar(Math.abs(number) / largest, 30)}`;
  return [row('now   ', value), row('normal', baseline)];
}

function ruleLines({ rule_hits: hits }: DecisionRow): string {
  if (hits.length === 0) return '  none';
  return formatRows(
    hits.map(({ id, version, mode, scoreDelta }) => [
      id,
      `v${version}`,
      mode === 'live' ? `live, ${signed(scoreDelta)} points` : `shadow: recorded only, would be ${signed(scoreDelta)}`,
    ]),
  );
}

function featureLines(decision: DecisionRow, features: SettledFeatures): string {
  if (features === null) {
    const rows = decision.used.map(({ name, value }) => [name, shown(value).padStart(12)]);
    return `  not settled yet: the watermark has not reached its time\n${formatRows([['', 'used'.padStart(12)], ...rows])}`;
  }
  const head = ['', 'used'.padStart(12), 'settled'.padStart(12)];
  const rows = features.values.map(({ name, decision: used, settled }: FeatureValues) => [
    name,
    shown(used).padStart(12),
    shown(settled).padStart(12),
    used === settled || decision.too_late ? '' : 'differs',
  ]);
  const revision = features.revision === null ? 'too late: it never settles' : `revision ${features.revision}`;
  return `${formatRows([head, ...rows])}\n  ${revision}`;
}

function versionRows(decision: DecisionRow): string {
  return formatRows([
    ['model', `${decision.model_id} ${decision.model_version}`, decision.model_hash.slice(0, 16)],
    ['rules', `${decision.rule_set_id} v${decision.rule_set_version}`, decision.rule_set_hash.slice(0, 16)],
    [
      'features',
      `${decision.feature_set_name} v${decision.feature_set_version}`,
      decision.feature_set_hash.slice(0, 16),
    ],
  ]);
}

function shown(value: number | null): string {
  return value === null ? 'none' : formatNumber(value);
}

function signed(points: number): string {
  return points < 0 ? String(points) : `+${points}`;
}
