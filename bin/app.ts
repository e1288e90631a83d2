import { readFileSync } from 'node:fs';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, PCIDSS321Checks } from 'cdk-nag';
import { z } from 'zod';
import { WeirError } from '../core/contract/failure.ts';
import { inputContracts } from '../core/contract/contracts.ts';
import { readConfig } from '../lib/config.ts';
import { explainSizes } from '../lib/derived-sizes.ts';
import { makeStacks } from '../lib/make-stacks.ts';
import { wantedTopics } from '../runtime/topic-plan.ts';
import { tellFailure } from './failures.ts';

/** The fields of the configuration that `-c NAME=VALUE` gives; all others are in the file that `-c config=FILE` names. */
const contextFields = ['profile', 'backbone', 'runtime', 'name', 'imageUri', 'functionsFolder', 'alarmEmail'] as const;

/** The CDK application: `npx cdk synth -c profile=prod -c backbone=msk -c runtime=lambda`. */
function main(): void {
  const app = new App({ autoSynth: false });
  const config = readConfig({ ...readFile(app), ...readContext(app) });
  const sizes = makeStacks(app, config, ({ partitions }) => ({
    all: wantedTopics({ prefix: '', partitions: partitions.value, replicas: 3 }),
    inputs: [...inputContracts.keys()],
  }));
  process.stderr.write(
    `${config.name}: ${config.profile}, ${config.backbone}, ${config.runtime}\n${explainSizes(sizes, config).join('\n')}\n`,
  );
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new PCIDSS321Checks(app));
  app.synth();
}

function readFile(app: App): Record<string, unknown> {
  const path: unknown = app.node.tryGetContext('config');
  if (path === undefined) return {};
  if (typeof path !== 'string')
    throw new WeirError({
      code: 'CONFIG_INVALID',
      message: 'got a config that is no path',
      fix: '-c config=deploy.json',
    });
  return z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(path, 'utf8')));
}

function readContext(app: App): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const field of contextFields) {
    const value: unknown = app.node.tryGetContext(field);
    if (value !== undefined) given[field] = value;
  }
  return given;
}

try {
  main();
} catch (error) {
  process.exitCode = tellFailure(error, { asJson: false, debug: (process.env['WEIR_DEBUG'] ?? '') !== '' });
}
