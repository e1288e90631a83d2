import type { Broker } from '../../engines/kafka/broker.ts';
import type { Proxy } from '../../engines/network/proxy.ts';
import type { Run } from './kafka-scenario.ts';
import type { Worker } from './kafka-world.ts';

/** What can be done to a cluster and the way to it. */
export type Cluster = { readonly broker: Broker; readonly proxy: Proxy };

/** A fault of the cluster or the way to it, and whether workers say that they noticed. */
export type ClusterFault = {
  readonly name: string;
  readonly isNoticed: boolean;
  readonly disturb: (cluster: Cluster, run: Run) => Promise<void>;
};

/** How workers say that they noticed. */
export const noticed = /KAFKA_/;

/** The last of them. */
export function last(workers: readonly Worker[]): Worker {
  const worker = workers.at(-1);
  if (worker === undefined) throw new Error('got nothing, expected a worker');
  return worker;
}

/** What befalls a cluster in the middle of a run. */
export const clusterFaults: readonly ClusterFault[] = [
  {
    name: 'a broker that is killed and started again loses and doubles nothing',
    isNoticed: true,
    disturb: async ({ broker }, { after: decided, workers, recovered }) => {
      await decided(3000);
      await broker.kill();
      await last(workers).said(noticed);
      await broker.restart();
      await recovered(performance.now());
    },
  },
  {
    name: 'a broker that freezes for 30 seconds loses and doubles nothing',
    isNoticed: true,
    disturb: async ({ broker }, { after: decided, workers, recovered }) => {
      await decided(3000);
      await broker.freezeFor(30_000);
      await last(workers).said(noticed);
      await recovered(performance.now());
    },
  },
  {
    name: 'connections that are slow and reset lose and double nothing',
    isNoticed: false,
    disturb: async ({ proxy }, { after: decided, recovered }) => {
      let resets = 0;
      proxy.latencyMs = 20;
      for (let times = 0; times < 4; times++) {
        await decided(2000);
        resets += proxy.reset();
        await recovered(performance.now());
      }
      proxy.latencyMs = 0;
      if (resets === 0) throw new Error('got no connection to reset, expected some');
    },
  },
  {
    name: 'replies that are lost, so that nobody knows what was committed, lose and double nothing',
    isNoticed: true,
    disturb: async ({ proxy }, { after: decided, workers, recovered }) => {
      await decided(3000);
      proxy.areRepliesLost = true;
      await last(workers).said(noticed);
      proxy.areRepliesLost = false;
      proxy.reset();
      await recovered(performance.now());
    },
  },
  {
    name: 'a network that is cut without a word loses and doubles nothing',
    isNoticed: true,
    disturb: async ({ proxy }, { after: decided, workers, recovered }) => {
      await decided(3000);
      proxy.isCut = true;
      await last(workers).said(noticed);
      proxy.isCut = false;
      proxy.reset();
      await recovered(performance.now());
    },
  },
];

/** Workers whose clock is wrong, by how much, and their environment. */
export const wrongClocks = [
  ['an hour ahead', 3_600_000],
  ['an hour behind', -3_600_000],
] as const;

/** The environment of a worker whose clock is off by so much. */
export function shiftedClock(shiftMs: number): Readonly<Record<string, string>> {
  const clock = new URL('../../engines/clock/shifted-clock.ts', import.meta.url).pathname;
  return { NODE_OPTIONS: `--import=${clock}`, WEIR_CLOCK_SHIFT_MS: String(shiftMs) };
}
