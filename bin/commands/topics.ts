import type { Command } from 'commander';
import type { KafkaAdmin, TopicDescription } from '../../adapters/kafka/port.ts';
import { authorizationContract } from '../../core/contract/authorization.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { foreignKeysOf } from '../../core/features/foreign-plan.ts';
import { loadDefinition, shippedFiles } from '../../runtime/assemble.ts';
import { wantedForeignTopics } from '../../runtime/foreign-topics.ts';
import { planTopics, type TopicStep, wantedTopics, type WantedTopic } from '../../runtime/topic-plan.ts';
import { addClusterOptions, type ClusterCommandOptions, openAskedCluster } from '../cluster-options.ts';
import { formatCount } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption, wholeNumber } from '../invocation.ts';
import { remark, say, sayJson } from '../terminal.ts';

type TopicsOptions = ClusterCommandOptions & {
  readonly prefix: string;
  readonly partitions?: number;
  readonly replicas: number;
  readonly group?: string;
  readonly definition: string;
  readonly json?: true;
};

/** Adds `weir topics`. */
export function addTopics(program: Command, invocation: Invocation): void {
  const command = program
    .command('topics')
    .summary('the Kafka topics of the contracts')
    .description('The Kafka topics of the contracts: what a cluster lacks of them, and making it so.');
  addExamples(command, 'weir topics plan --bootstrap 127.0.0.1:9092');
  const plan = withCluster(command.command('plan'))
    .summary('show what differs')
    .description('Shows what a cluster lacks; exit code 3 when something of it would lose records.');
  addExamples(plan, 'weir topics plan --bootstrap 127.0.0.1:9092 --replicas 1 --json');
  plan.action(async (options: TopicsOptions) => {
    invocation.exitCode = await runTopics(options, 'plan');
  });
  const apply = withCluster(command.command('apply'))
    .summary('make and change topics')
    .description('Makes and changes topics as plan shows; nothing at all when something would lose records.');
  addExamples(
    apply,
    'weir topics apply --bootstrap 127.0.0.1:9092 --replicas 1 --partitions 8',
    'weir topics apply --bootstrap 127.0.0.1:9092 --replicas 1 --partitions 8 --group scorer --definition examples/handbook/features.ts',
  );
  apply.action(async (options: TopicsOptions) => {
    invocation.exitCode = await runTopics(options, 'apply');
  });
}

function withCluster(command: Command): Command {
  return addClusterOptions(command)
    .option('--prefix <text>', 'before the name of each topic, such as prod.', '')
    .option('--partitions <n>', 'in place of what the contracts say', wholeNumber(1))
    .option('--replicas <n>', 'of each partition', wholeNumber(1), 3)
    .option('--group <group>', "also the topics between a group's workers, for features by keys of several partitions")
    .option('--definition <path>', "with --group: what the group's workers run", shippedFiles.definition)
    .addOption(jsonOption());
}

async function runTopics(options: TopicsOptions, what: 'plan' | 'apply'): Promise<number> {
  const admin = await (await openAskedCluster('weir-topics', options)).openAdmin();
  try {
    const wanted = [...wantedTopics(options), ...(await wantedOfGroup(options))];
    const steps = planTopics(wanted, await existingOf(admin, wanted));
    const refused = steps.filter(({ kind }) => kind === 'refused');
    const isApplied = what === 'apply' && refused.length === 0;
    if (isApplied) for (const step of steps) await take(admin, step);
    if (options.json) sayJson({ applied: isApplied, steps: steps.map(factsOf) });
    else say(steps.map(lineOf).join('\n'));
    if (refused.length > 0) remark(`${formatCount(refused.length)} refused: nothing was changed`);
    else if (what === 'apply') remark('the cluster has the topics of the contracts');
    return refused.length > 0 ? exitCodes.negative : exitCodes.ok;
  } finally {
    await admin.close();
  }
}

/** The topics between the workers of a group, where its definition has keys that are spread over partitions. */
async function wantedOfGroup(options: TopicsOptions): Promise<WantedTopic[]> {
  const { group, partitions = authorizationContract.partitions, replicas } = options;
  if (group === undefined || partitions === 1) return [];
  const { plan } = await loadDefinition(options.definition);
  return wantedForeignTopics(foreignKeysOf(plan), { group, partitions, replicas });
}

async function existingOf(
  admin: KafkaAdmin,
  wanted: readonly WantedTopic[],
): Promise<ReadonlyMap<string, TopicDescription>> {
  const names = new Set(await admin.listTopics());
  const existing = new Map<string, TopicDescription>();
  for (const { topic } of wanted) if (names.has(topic)) existing.set(topic, await admin.describeTopic(topic));
  return existing;
}

async function take(admin: KafkaAdmin, step: TopicStep): Promise<void> {
  switch (step.kind) {
    case 'create':
      return admin.createTopics([step.topic]);
    case 'change':
      return admin.alterConfigs(
        step.topic.topic,
        Object.fromEntries(step.changes.map(({ name, after }) => [name, after])),
      );
    case 'same':
      return;
    case 'refused':
      throw new WeirError({ code: 'TOPIC_REFUSED', message: `got ${step.topic.topic}, which is refused: ${step.why}` });
  }
}

function lineOf(step: TopicStep): string {
  const { topic, partitions } = step.topic;
  switch (step.kind) {
    case 'create':
      return `+ ${topic}   ${partitions} partitions`;
    case 'change':
      return `~ ${topic}   ${step.changes.map(({ name, before, after }) => `${name} ${before} -> ${after}`).join(', ')}`;
    case 'same':
      return `= ${topic}`;
    case 'refused':
      return `! ${topic}   ${step.why}`;
  }
}

function factsOf(step: TopicStep): object {
  const { topic, partitions, configs } = step.topic;
  const more = step.kind === 'change' ? { changes: step.changes } : step.kind === 'refused' ? { why: step.why } : {};
  return { kind: step.kind, topic, partitions, configs, ...more };
}
