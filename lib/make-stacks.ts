import { type App, Tags } from 'aws-cdk-lib';
import { acknowledge } from './acknowledge.ts';
import type { Config } from './config.ts';
import { deriveSizes, type Sizes } from './derived-sizes.ts';
import type { TopicShape } from './domain-topic.ts';
import { ApiStack } from './stacks/api.ts';
import { DebeziumCaptureStack } from './stacks/capture-debezium.ts';
import { DmsCaptureStack } from './stacks/capture-dms.ts';
import { KinesisStack, MskStack } from './stacks/backbone.ts';
import { LakeStack } from './stacks/lake.ts';
import { NetworkStack } from './stacks/network.ts';
import { KinesisLambdaStack, lambdaGroup, MskLambdaStack } from './stacks/scoring-lambda.ts';
import { SpotStack, workerGroup } from './stacks/scoring-spot.ts';
import { SecurityStack } from './stacks/security.ts';
import { StateStack } from './stacks/state.ts';
import { WatchStack } from './stacks/watch.ts';

/** What the contracts say of topics. */
export type ContractTopics = { readonly all: readonly TopicShape[]; readonly inputs: readonly string[] };

/**
 * Makes the stacks in the order of the data. Each is deployed after those whose names it reads; a replay or a Flink
 * application is one more stack over the same names.
 */
export function makeStacks(app: App, config: Config, topicsOf: (sizes: Sizes) => ContractTopics): Sizes {
  const sizes = deriveSizes(config);
  const { all, inputs } = topicsOf(sizes);
  const id = (part: string): string => `${config.name}-${part}`;
  const props = { config, terminationProtection: config.profile === 'prod' };
  const security = new SecurityStack(app, id('security'), props);
  const network = new NetworkStack(app, id('network'), props);
  const backbone =
    config.backbone === 'msk'
      ? new MskStack(app, id('backbone'), { ...props, sizes, topics: all })
      : new KinesisStack(app, id('backbone'), { ...props, sizes, topics: all });
  const state = new StateStack(app, id('state'), props);
  const scoring = makeScoring(app, { id: id('scoring'), config, props: { ...props, sizes, inputs } });
  const { apiRequestsPerSecond: perSecond } = config;
  const api = perSecond === undefined ? [] : [new ApiStack(app, id('api'), { ...props, sizes, perSecond })];
  const capture = makeCapture(app, { id: id('capture'), config, props });
  const lake = new LakeStack(app, id('lake'), { ...props, inputs });
  const watch = new WatchStack(app, id('watch'), { ...props, ...watchedOf(config, inputs) });
  const order = [security, network, backbone, state, scoring, ...api, ...capture, lake, watch];
  order.forEach((stack, index) => {
    const before = order[index - 1];
    if (before !== undefined) stack.addStackDependency(before);
    Tags.of(stack).add('deployment', config.name);
    acknowledge(stack, ofAllStacks);
  });
  return sizes;
}

const ofAllStacks = {
  'PCI.DSS.321-IAMNoInlinePolicy':
    'Each role has one policy of its own, which goes when it goes: shared ones would hold the rights of several.',
  'CloudFormation-Validate::W2001': 'The network is read whole, also where a stack uses a part of it.',
};

type Scoring = MskLambdaStack | KinesisLambdaStack | SpotStack;

function makeScoring(
  app: App,
  { id, config, props }: { id: string; config: Config; props: ConstructorParameters<typeof SpotStack>[2] },
): Scoring {
  if (config.runtime === 'ecs-spot') return new SpotStack(app, id, props);
  return config.backbone === 'msk' ? new MskLambdaStack(app, id, props) : new KinesisLambdaStack(app, id, props);
}

function makeCapture(
  app: App,
  { id, config, props }: { id: string; config: Config; props: { config: Config; terminationProtection: boolean } },
): (DmsCaptureStack | DebeziumCaptureStack)[] {
  const { capture } = config;
  if (capture === undefined) return [];
  if (capture.plugin === undefined || capture.by === 'dms')
    return [new DmsCaptureStack(app, id, { ...props, capture })];
  return [new DebeziumCaptureStack(app, id, { ...props, capture, plugin: capture.plugin })];
}

function watchedOf(
  config: Config,
  inputs: readonly string[],
): { readonly groups: ReadonlyMap<string, string>; readonly scorerName: string | null } {
  const isSpot = config.runtime === 'ecs-spot';
  const groups = new Map(inputs.map((topic) => [topic, isSpot ? workerGroup(config) : lambdaGroup(config, topic)]));
  return { groups, scorerName: isSpot ? null : `${config.name}-score-${config.backbone}` };
}
