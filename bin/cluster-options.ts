import { type Command, Option } from 'commander';
import { openCluster, type SignIn, signIns } from '../adapters/kafka/cluster.ts';
import type { KafkaDriver } from '../adapters/kafka/port.ts';

/** The option that says how clients sign in. */
export type AuthOptions = { readonly auth?: SignIn };

/** The options that say which cluster. */
export type ClusterCommandOptions = AuthOptions & { readonly bootstrap: string };

/** Adds the option that says how clients sign in. */
export function addAuthOption(command: Command): Command {
  const option = new Option('--auth <how>', 'how to sign in; an ARN means msk-iam, HOST:PORT none');
  return command.addOption(option.choices(signIns));
}

/** Adds the options that say which cluster. */
export function addClusterOptions(command: Command): Command {
  return addAuthOption(
    command.requiredOption('--bootstrap <brokers>', 'HOST:PORT with commas between, or the ARN of an MSK cluster'),
  );
}

/** Opens a driver for the cluster that was asked for. */
export async function openAskedCluster(clientId: string, options: ClusterCommandOptions): Promise<KafkaDriver> {
  // The library takes a moment to load, which no other command waits for.
  const { platformaticDriver } = await import('../adapters/kafka/platformatic.ts');
  return platformaticDriver(await openCluster({ clientId, brokers: options.bootstrap, auth: options.auth }));
}
