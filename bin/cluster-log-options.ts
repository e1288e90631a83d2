import type { Command } from 'commander';
import { decisionContract } from '../core/contract/decision.ts';
import { addAuthOption, type AuthOptions } from './cluster-options.ts';
import { wholeNumber } from './invocation.ts';

/** The options of an API whose log is in Kafka. */
export type ClusterLogOptions = AuthOptions & {
  readonly log?: string;
  readonly group: string;
  readonly decisions: string;
  readonly readings?: string;
  readonly peerHost: string;
  readonly peerPort: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly drainMs: number;
};

/** Adds the options of an API whose log is in Kafka. */
export function addClusterLogOptions(command: Command): Command {
  return addAuthOption(command)
    .option('--log <address>', 'kafka://HOST:PORT/TOPIC[,TOPIC]: events go there, and processes of a group share them')
    .option('--group <group>', 'with --log: the group whose members share the partitions', 'weir-serve')
    .option('--decisions <topic>', 'with --log: the topic where decisions go', decisionContract.topic)
    .option('--readings <topic>', 'with --log: takes readings as well, into this topic')
    .option('--peer-host <host>', 'with --log: where other processes of the group reach this one', '127.0.0.1')
    .option('--peer-port <port>', 'with --log: the port for them; 0 is any', wholeNumber(0), 0)
    .option(
      '--session-timeout-ms <ms>',
      'with --log: after which a process that died is given up, and its partitions are answered for again',
      wholeNumber(1000),
      10_000,
    )
    .option('--heartbeat-ms <ms>', 'with --log: after which a process hears that partitions move', wholeNumber(10), 200)
    .option(
      '--drain-ms <ms>',
      'with --log: how long a stopping process passes events on, while balancers turn away from it',
      wholeNumber(0),
      5000,
    );
}
