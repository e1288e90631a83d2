import type { PeerPort } from '../adapters/http/peer-server.ts';
import type { PeerClient } from '../adapters/http/peer-client.ts';
import type { Answer, DecisionAnswer, ScoringPort, SubmittedEvent } from '../adapters/http/port.ts';
import { WeirError } from '../core/contract/failure.ts';
import { busy } from './authorizer.ts';
import type { KafkaPlan } from './kafka-partition.ts';
import type { KafkaPartition } from './owned-partition.ts';
import { type Desk, notOwner } from './partition-desk.ts';
import type { PartitionOwners } from './partition-owners.ts';
import { partitionOf } from './partitions.ts';

type KafkaAuthorizerOptions = {
  readonly plan: Pick<KafkaPlan, 'topics' | 'partitions'>;
  readonly owners: PartitionOwners;
  readonly selfId: string;
  readonly peers: PeerClient;
  /** How long an event waits for its partition to have an owner. */
  readonly holdMs: number;
  /** Events that may wait so. */
  readonly heldMax: number;
  readonly onFailure: (error: Error) => void;
};

/** What is waited for is told; this is for what was told in between. */
const lookAgainMs = 50;

/** One process of an API whose log is in Kafka: it answers for the partitions that it owns, and asks the others' owners. */
export class KafkaAuthorizer implements ScoringPort {
  /** For the other processes: of partitions that are owned here alone. */
  readonly peerPort: PeerPort;
  readonly #options: KafkaAuthorizerOptions;
  readonly #contracts: ReadonlySet<string>;
  readonly #desks = new Map<number, Desk>();
  #isLeaving = false;
  #held = 0;

  constructor(options: KafkaAuthorizerOptions) {
    this.#options = options;
    this.#contracts = new Set(options.plan.topics.values());
    this.peerPort = { submit: (event) => this.#submitHere(event), decision: (id) => this.#decisionHere(id) };
  }

  async submit(event: SubmittedEvent): Promise<Answer> {
    if (!this.#contracts.has(event.topic)) return { kind: 'refused', refusal: notTaken(event.topic) };
    const untilMs = performance.now() + this.#options.holdMs;
    for (;;) {
      try {
        return await this.#submitOnce(event);
      } catch (error) {
        if (!isOf(error, 'NOT_OWNER')) throw error;
      }
      await this.#hold(untilMs);
    }
  }

  async decision(decisionId: string): Promise<DecisionAnswer | null> {
    const here = await this.#decisionHere(decisionId);
    if (here !== null) return here;
    const { owners, selfId, peers } = this.#options;
    const known = this.#partitions().flatMap((partition) => owners.ownerOf(partition) ?? []);
    const others = new Map(known.filter(({ id }) => id !== selfId).map((owner) => [owner.id, owner]));
    const asked = await Promise.all([...others.values()].map((owner) => peers.decision(owner, decisionId)));
    return asked.find((one) => one !== null) ?? null;
  }

  isReady(): boolean {
    return true;
  }

  isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Tells balancers to send no more; what comes all the same is taken. */
  leave(): void {
    this.#isLeaving = true;
  }

  own({ partition, desk }: KafkaPartition & { readonly partition: number }): void {
    if (desk === undefined || desk === null) return;
    this.#desks.set(partition, desk);
    this.#tell(partition, 'owns');
  }

  disown(partition: number): void {
    this.#desks.delete(partition);
    this.#tell(partition, 'left');
  }

  /** Resolves once each partition has an owner, or after a limit. */
  async settled(limitMs: number): Promise<void> {
    const untilMs = performance.now() + limitMs;
    const { owners } = this.#options;
    const isKnown = (partition: number): boolean => this.#desks.has(partition) || owners.ownerOf(partition) !== null;
    while (!this.#partitions().every(isKnown) && performance.now() < untilMs)
      await this.#hold(untilMs).catch(() => undefined);
  }

  async #submitHere(event: SubmittedEvent): Promise<Answer> {
    const partition = this.#placeOf(event);
    const desk = this.#desks.get(partition);
    if (desk === undefined) throw notOwner(partition);
    return desk.submit(event);
  }

  async #submitOnce(event: SubmittedEvent): Promise<Answer> {
    const partition = this.#placeOf(event);
    if (this.#desks.has(partition)) return this.#submitHere(event);
    const { owners, selfId, peers } = this.#options;
    const owner = owners.ownerOf(partition);
    // What this process said of itself is old where it has no desk.
    if (owner === null || owner.id === selfId) throw notOwner(partition);
    try {
      return await peers.submit(owner, event);
    } catch (error) {
      if (!isOf(error, 'OWNER_UNREACHABLE')) throw error;
      // It may have left, or closed a connection that waited: sending the same event again is safe.
      if (owners.ownerOf(partition)?.id !== owner.id) throw notOwner(partition);
      return peers.submit(owner, event);
    }
  }

  /** Waits until an owner was told, or for a moment: a desk may have come here. */
  async #hold(untilMs: number): Promise<void> {
    const { owners, holdMs, heldMax } = this.#options;
    if (performance.now() >= untilMs) throw ownerAway(holdMs);
    if (this.#held >= heldMax) throw busy(heldMax);
    this.#held++;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timeout = setTimeout(resolve, Math.min(lookAgainMs, Math.max(1, untilMs - performance.now())));
    try {
      await Promise.race([owners.changed(), promise]);
    } finally {
      clearTimeout(timeout);
      this.#held--;
    }
  }

  async #decisionHere(decisionId: string): Promise<DecisionAnswer | null> {
    for (const desk of this.#desks.values()) {
      const found = await desk.decision(decisionId);
      if (found !== null) return found;
    }
    return null;
  }

  #placeOf({ identity: { tenantId, key } }: SubmittedEvent): number {
    return partitionOf({ tenantId, key }, this.#options.plan.partitions);
  }

  #partitions(): number[] {
    return Array.from({ length: this.#options.plan.partitions }, (_, partition) => partition);
  }

  #tell(partition: number, kind: 'owns' | 'left'): void {
    const { owners, onFailure } = this.#options;
    owners.tell(partition, kind).catch(onFailure);
  }
}

function isOf(error: unknown, code: string): boolean {
  return error instanceof WeirError && error.code === code;
}

function notTaken(topic: string) {
  const message = `got an event of ${topic}, expected one of the topics that are read here`;
  return { code: 'unknownContract', message, issues: [] } as const;
}

function ownerAway(holdMs: number): WeirError {
  return new WeirError({
    code: 'OWNER_AWAY',
    message: `got no owner of the event's partition in ${holdMs} ms, expected one`,
    fix: 'Send it again in a second: the same eventId is decided once.',
    facts: { holdMs },
  });
}
