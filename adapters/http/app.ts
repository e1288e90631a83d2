import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { routePath } from 'hono/route';
import { idempotencyHash, idempotencyKey } from '../../core/contract/idempotency-key.ts';
import { decode } from '../../core/decode/decode.ts';
import { type ApiKey, type Callers, hashOfKey, isOfTenant, type Scope } from './api-keys.ts';
import { openApi } from './openapi.ts';
import type { Answer, ScoringPort, SubmittedEvent } from './port.ts';
import { answerProblem, bodyOfProblem, forbidden, type Problem, problemOf, problems } from './problems.ts';
import { createRateLimit } from './rate-limit.ts';
import { isSigned } from './webhook-signature.ts';

type Bindings = { Bindings: HttpBindings };
type App = Hono<Bindings>;

/** How the API answers. */
export type AppOptions = {
  readonly port: ScoringPort;
  readonly callers: Callers;
  /** How long a caller waits for a decision at most, milliseconds. */
  readonly deadlineMs: number;
  /** Told of each request once it is answered. */
  readonly observe?: (request: { readonly route: string; readonly status: number; readonly seconds: number }) => void;
  /** The text of `/metrics`. */
  readonly metrics?: () => Promise<string>;
};

const limits = { bodyBytesMax: 65_536, batchBytesMax: 1_048_576, batchEventsMax: 100 } as const;

/** The events that come in by a path of their own, beside authorizations. */
const eventPaths = {
  '/v1/clearings': 'payments.clearing.v1',
  '/v1/reversals': 'payments.reversal.v1',
  '/v1/disputes': 'payments.dispute.v1',
} as const;
const authorizationTopic = 'payments.authorization.v1';

/**
 * The score API, as OpenAPI says it at `/openapi.json`. Whoever asks gets what the owner of the log has decided and made
 * durable, never a second opinion.
 */
export function createApp(options: AppOptions): App {
  const { callers, observe } = options;
  const app: App = new Hono<Bindings>();
  const signIn = createSignIn(callers);
  app.onError((error, context) => {
    process.stderr.write(`weir: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return answerProblem(context, problems.failed);
  });
  app.notFound((context) => {
    const allowed = methodsOf(app, context.req.path);
    if (allowed.length === 0 || allowed.includes(context.req.method)) return answerProblem(context, problems.notFound);
    context.header('allow', allowed.join(', '));
    return answerProblem(context, problems.notAllowed);
  });
  app.use(async (context, next) => {
    const startMs = performance.now();
    await next();
    context.header('cache-control', 'no-store');
    observe?.({
      route: routePath(context, -1),
      status: context.res.status,
      seconds: (performance.now() - startMs) / 1000,
    });
  });
  addLooks(app, { ...options, signIn });
  app.post('/v1/authorizations:score', (context) =>
    answerSigned({ context, signIn, scope: 'score' }, (caller, bytes) =>
      answerEvent(context, options, { caller, topic: authorizationTopic, bytes }),
    ),
  );
  for (const [path, topic] of Object.entries(eventPaths)) {
    app.post(path, (context) =>
      answerSigned({ context, signIn, scope: 'events' }, (caller, bytes) =>
        answerEvent(context, options, { caller, topic, bytes }),
      ),
    );
  }
  addBatch(app, { ...options, signIn });
  addWebhooks(app, options);
  return app;
}

/** What changes nothing: health, the description, metrics, decisions. */
function addLooks(app: App, { port, metrics, signIn }: AppOptions & { readonly signIn: SignIn }): void {
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', (context) =>
    port.isReady() ? context.json({ status: 'ready' }) : answerProblem(context, problems.stopping),
  );
  app.get('/openapi.json', (context) => context.json(openApi()));
  app.get('/metrics', async (context) => {
    const caller = signIn(context, 'metrics');
    if ('status' in caller) return answerProblem(context, caller);
    return context.text((await metrics?.()) ?? '', 200, { 'content-type': 'text/plain; version=0.0.4' });
  });
  app.get('/v1/decisions/:id', async (context) => {
    const caller = signIn(context, 'read');
    if ('status' in caller) return answerProblem(context, caller);
    const id = context.req.param('id').toLowerCase();
    const decision = /^[0-9a-f]{32}$/.test(id) ? await port.decision(id) : null;
    // Whether another tenant has such a decision is none of the caller's business.
    if (decision === null || !isOfTenant(caller, decision.tenantId)) return answerProblem(context, problems.notFound);
    return context.json(decision);
  });
}

/** The methods that a path takes. */
function methodsOf({ routes }: App, path: string): string[] {
  const steps = path.split('/');
  const fits = (route: string): boolean => {
    const parts = route.split('/');
    return parts.length === steps.length && parts.every((part, index) => part.startsWith(':') || part === steps[index]);
  };
  return [...new Set(routes.filter((route) => route.method !== 'ALL' && fits(route.path)).map(({ method }) => method))];
}

type Caller = Pick<ApiKey, 'tenants'>;
type SignIn = (context: Context<Bindings>, scope: Scope) => ApiKey | Problem;

/** Who calls, if the key is known, has the scope and is within its rate. */
function createSignIn({ keys }: Callers): SignIn {
  const byHash = new Map(keys.map((key) => [key.sha256, key]));
  const rates = createRateLimit();
  return (context, scope) => {
    const [, token = ''] = /^Bearer (\S+)$/i.exec(context.req.header('authorization') ?? '') ?? [];
    const key = byHash.get(hashOfKey(token));
    if (key === undefined) return problems.notSignedIn;
    if (!key.scopes.includes(scope)) return forbidden(`the scope ${scope}`);
    const waitSeconds = rates.take(key);
    if (waitSeconds === 0) return key;
    return {
      status: 429,
      code: 'tooManyRequests',
      title: 'too many requests',
      detail: `got more than ${key.perSecond} requests a second of this key`,
      retryAfter: waitSeconds,
    };
  };
}

/**
 * The body of a request; null when it is longer than it may be. Read from Node's own request where there is one: a web
 * stream of it costs as much as deciding.
 */
async function bodyOf(context: Context<Bindings>, bytesMax: number = limits.bodyBytesMax): Promise<Uint8Array | null> {
  if (Number(context.req.header('content-length') ?? 0) > bytesMax) return null;
  // Outside of Node's server there is no environment at all.
  const incoming = (context.env as Partial<HttpBindings> | undefined)?.incoming;
  if (incoming === undefined) {
    const whole = new Uint8Array(await context.req.arrayBuffer());
    return whole.length > bytesMax ? null : whole;
  }
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array | null>();
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  incoming.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length;
    if (sizeBytes > bytesMax) resolve(null);
    else chunks.push(chunk);
  });
  incoming.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
  incoming.once('error', reject);
  return promise;
}

type Asking = {
  readonly context: Context<Bindings>;
  readonly signIn: SignIn;
  readonly scope: Scope;
  readonly bytesMax?: number;
};

/** Answers whoever has signed in and sent a body of a fair length. */
async function answerSigned(
  { context, signIn, scope, bytesMax }: Asking,
  answer: (caller: ApiKey, bytes: Uint8Array) => Promise<Response>,
): Promise<Response> {
  const caller = signIn(context, scope);
  if ('status' in caller) return answerProblem(context, caller);
  const bytes = await bodyOf(context, bytesMax);
  return bytes === null ? answerProblem(context, problems.tooLarge) : answer(caller, bytes);
}

async function answerEvent(context: Context<Bindings>, options: AppOptions, asked: Asked): Promise<Response> {
  const taken = await take(options, asked);
  return 'problem' in taken ? answerProblem(context, taken.problem) : context.json(taken.body, taken.status);
}

type Taken = { readonly status: 200 | 202; readonly body: object } | { readonly problem: Problem };
type Asked = { readonly caller: Caller; readonly topic: string; readonly bytes: Uint8Array };

/** Checks an event, has it decided, and waits for that no longer than the deadline. */
async function take({ port, deadlineMs }: AppOptions, { caller, topic, bytes }: Asked): Promise<Taken> {
  const decoded = decode({ topic, bytes });
  if (!decoded.ok) return { problem: problemOf(decoded.refusal) };
  const { tenantId, accountId, eventId } = decoded.event.event;
  if (!isOfTenant(caller, tenantId)) return { problem: forbidden(`the tenant of the event`) };
  if (!port.isReady()) return { problem: problems.stopping };
  const idHash = idempotencyHash(idempotencyKey({ topic, tenantId, key: accountId, eventId }));
  const answer = await withinDeadline(port, { event: { topic, bytes, idHash }, deadlineMs });
  if (answer === 'late') return { problem: problems.late };
  switch (answer.kind) {
    case 'decided':
      return { status: 200, body: answer.decision };
    case 'accepted':
      return { status: 202, body: { eventId } };
    case 'refused':
      return { problem: problemOf(answer.refusal) };
  }
}

async function withinDeadline(
  port: ScoringPort,
  { event, deadlineMs }: { readonly event: SubmittedEvent; readonly deadlineMs: number },
): Promise<Answer | 'late'> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(resolve, deadlineMs, 'late');
  try {
    return await Promise.race([port.submit(event), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Events of a batch are decided in their order, each by itself: one that is refused holds up none. */
function addBatch(app: App, options: AppOptions & { readonly signIn: SignIn }): void {
  const { signIn } = options;
  app.post('/v1/authorizations:scoreBatch', (context) =>
    answerSigned({ context, signIn, scope: 'score', bytesMax: limits.batchBytesMax }, async (caller, bytes) => {
      const body = parsedOrNull(bytes);
      const events = isBatch(body) ? body.events : null;
      if (events === null || events.length === 0 || events.length > limits.batchEventsMax) {
        const detail = `got another body, expected {"events": [...]} of 1 to ${limits.batchEventsMax} authorizations`;
        return answerProblem(context, { status: 400, code: 'notABatch', title: 'the body is no batch', detail });
      }
      const results = events.map(async (event) => {
        const own = Buffer.from(JSON.stringify(event));
        const taken = await take(options, { caller, topic: authorizationTopic, bytes: own });
        return 'problem' in taken ? { problem: bodyOfProblem(taken.problem) } : { decision: taken.body };
      });
      return context.json({ results: await Promise.all(results) });
    }),
  );
}

function parsedOrNull(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return null;
  }
}

function isBatch(body: unknown): body is { readonly events: readonly unknown[] } {
  return typeof body === 'object' && body !== null && 'events' in body && Array.isArray(body.events);
}

/** Events of senders that sign them: `{"topic": ..., "event": {...}}`. */
function addWebhooks(app: App, options: AppOptions): void {
  const senders = new Map(options.callers.webhooks.map((webhook) => [webhook.id, webhook]));
  app.post('/v1/webhooks/:id', async (context) => {
    const sender = senders.get(context.req.param('id'));
    const body = await bodyOf(context);
    if (body === null) return answerProblem(context, problems.tooLarge);
    const header = context.req.header('weir-signature') ?? '';
    if (sender === undefined || !isSigned(header, { secrets: sender.secrets, body, nowMs: Date.now() }))
      return answerProblem(context, problems.unsigned);
    const [, topic = '', event = ''] =
      /^\s*\{\s*"topic"\s*:\s*"([a-z0-9.]{1,100})"\s*,\s*"event"\s*:\s*(\{[^]*\})\s*\}\s*$/.exec(
        Buffer.from(body).toString('utf8'),
      ) ?? [];
    if (event === '') {
      const detail = 'got another body, expected {"topic": ..., "event": {...}}';
      return answerProblem(context, { status: 400, code: 'notAnEvent', title: 'the body is no event', detail });
    }
    return answerEvent(context, options, { caller: sender, topic, bytes: Buffer.from(event) });
  });
}
