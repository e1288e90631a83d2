import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { routePath } from 'hono/route';
import { type ApiKey, type Callers, isOfTenant, type Scope } from './api-keys.ts';
import { bodyOfIncoming, limits } from './body.ts';
import { budgetHeader } from './budget.ts';
import { createDirectRoute, type DirectRoute } from './direct-route.ts';
import { openApi } from './openapi.ts';
import { bytesOfItem, readItems, tooDeep } from './batch-items.ts';
import type { TelemetryPort } from './port.ts';
import { answerProblem, bodyOfProblem, problemOf, problems } from './problems.ts';
import { createSignIn, type SignIn } from './sign-in.ts';
import { type Asked, createTaking, orProblem, type Taken, type TakingOptions } from './take-event.ts';
import { takeReadings } from './take-readings.ts';
import { isSigned } from './webhook-signature.ts';

type Bindings = { Bindings: HttpBindings };
type App = Hono<Bindings>;

/** How the API answers. */
export type AppOptions = TakingOptions & {
  readonly callers: Callers;
  /** Takes readings; without it there is nowhere to send them. */
  readonly telemetry?: TelemetryPort;
  /** Told of each request once it is answered. */
  readonly observe?: (request: { readonly route: string; readonly status: number; readonly seconds: number }) => void;
  /** The text of `/metrics`. */
  readonly metrics?: () => Promise<string>;
};

/** The events that come in by a path of their own, beside authorizations. */
const eventPaths = {
  '/v1/clearings': 'payments.clearing.v1',
  '/v1/reversals': 'payments.reversal.v1',
  '/v1/disputes': 'payments.dispute.v1',
} as const;
const authorizationTopic = 'payments.authorization.v1';

type Take = (asked: Asked) => Promise<Taken>;
/** What the routes share. */
type Inside = { readonly signIn: SignIn; readonly take: Take };

/**
 * The score API, as OpenAPI says it at `/openapi.json`. Whoever asks gets what the owner of the log has decided and made
 * durable, never a second opinion.
 */
export function createApp(options: AppOptions): { readonly app: App; readonly direct: DirectRoute } {
  const { callers, observe } = options;
  const app: App = new Hono<Bindings>();
  const inside: Inside = { signIn: createSignIn(callers), take: createTaking(options) };
  const { signIn, take } = inside;
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
      answerEvent(context, take, { caller, topic: authorizationTopic, bytes }),
    ),
  );
  for (const [path, topic] of Object.entries(eventPaths)) {
    app.post(path, (context) =>
      answerSigned({ context, signIn, scope: 'events' }, (caller, bytes) =>
        answerEvent(context, take, { caller, topic, bytes }),
      ),
    );
  }
  addBatch(app, inside);
  addTelemetry(app, { signIn, ...options });
  addWebhooks(app, { callers, take });
  return { app, direct: createDirectRoute(options, inside) };
}

/** What changes nothing: health, the description, metrics, decisions. */
function addLooks(app: App, { port, metrics, signIn }: AppOptions & { readonly signIn: SignIn }): void {
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', (context) =>
    port.isReady() && port.isLeaving?.() !== true
      ? context.json({ status: 'ready' })
      : answerProblem(context, problems.stopping),
  );
  app.get('/openapi.json', (context) => context.json(openApi()));
  app.get('/metrics', async (context) => {
    const caller = signIn(context.req.header('authorization'), 'metrics');
    if ('status' in caller) return answerProblem(context, caller);
    return context.text((await metrics?.()) ?? '', 200, { 'content-type': 'text/plain; version=0.0.4' });
  });
  app.get('/v1/decisions/:id', async (context) => {
    const caller = signIn(context.req.header('authorization'), 'read');
    if ('status' in caller) return answerProblem(context, caller);
    const id = context.req.param('id').toLowerCase();
    const decision = /^[0-9a-f]{32}$/.test(id) ? await orProblem(port.decision(id)) : null;
    if (decision !== null && 'problem' in decision) return answerProblem(context, decision.problem);
    // Whether another tenant has such a decision is none of the caller's business.
    if (decision === null || !isOfTenant(caller, decision.tenantId)) return answerProblem(context, problems.notFound);
    return answerJson(context, decision.text, 200);
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

/**
 * The body of a request; null when it is longer than it may be. Read from Node's own request where there is one: a web
 * stream of it costs as much as deciding.
 */
async function bodyOf(context: Context<Bindings>, bytesMax: number = limits.bodyBytesMax): Promise<Uint8Array | null> {
  // Outside of Node's server there is no environment at all.
  const incoming = (context.env as Partial<HttpBindings> | undefined)?.incoming;
  if (incoming !== undefined) return bodyOfIncoming(incoming, bytesMax);
  if (Number(context.req.header('content-length') ?? 0) > bytesMax) return null;
  const whole = new Uint8Array(await context.req.arrayBuffer());
  return whole.length > bytesMax ? null : whole;
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
  const caller = signIn(context.req.header('authorization'), scope);
  if ('status' in caller) return answerProblem(context, caller);
  const bytes = await bodyOf(context, bytesMax);
  return bytes === null ? answerProblem(context, problems.tooLarge) : answer(caller, bytes);
}

async function answerEvent(context: Context<Bindings>, take: Take, asked: Asked): Promise<Response> {
  const taken = await take({ ...asked, budget: context.req.header(budgetHeader) });
  return 'problem' in taken ? answerProblem(context, taken.problem) : answerJson(context, taken.text, taken.status);
}

function answerJson(context: Context<Bindings>, text: string, status: 200 | 202): Response {
  return context.body(text, status, { 'content-type': 'application/json' });
}

/** A batch of readings: those that the contract takes are durable before the answer, whatever the others are. */
function addTelemetry(app: App, { signIn, telemetry }: Pick<Inside, 'signIn'> & Pick<AppOptions, 'telemetry'>): void {
  app.post('/v1/telemetry', (context) =>
    answerSigned({ context, signIn, scope: 'telemetry', bytesMax: limits.batchBytesMax }, async (caller, bytes) => {
      if (telemetry === undefined) return answerProblem(context, problems.noTelemetry);
      const readings = readItems(bytes, 'readings');
      if (readings === null || readings.length === 0 || readings.length > limits.batchReadingsMax) {
        const detail = `got another body, expected {"readings": [...]} of 1 to ${limits.batchReadingsMax} readings`;
        return answerProblem(context, { status: 400, code: 'notABatch', title: 'the body is no batch', detail });
      }
      const taken = await takeReadings(telemetry, caller, readings);
      return 'problem' in taken ? answerProblem(context, taken.problem) : answerJson(context, taken.text, taken.status);
    }),
  );
}

/** Events of a batch are decided in their order, each by itself: one that is refused holds up none. */
function addBatch(app: App, { signIn, take }: Inside): void {
  app.post('/v1/authorizations:scoreBatch', (context) =>
    answerSigned({ context, signIn, scope: 'score', bytesMax: limits.batchBytesMax }, async (caller, bytes) => {
      const events = readItems(bytes, 'events');
      if (events === null || events.length === 0 || events.length > limits.batchEventsMax) {
        const detail = `got another body, expected {"events": [...]} of 1 to ${limits.batchEventsMax} authorizations`;
        return answerProblem(context, { status: 400, code: 'notABatch', title: 'the body is no batch', detail });
      }
      const budget = context.req.header(budgetHeader);
      const results = events.map(async (event) => {
        const own = bytesOfItem(event);
        const taken =
          own === null
            ? { problem: problemOf(tooDeep) }
            : await take({ caller, topic: authorizationTopic, bytes: own, budget });
        return 'problem' in taken
          ? `{"problem":${JSON.stringify(bodyOfProblem(taken.problem))}}`
          : `{"decision":${taken.text}}`;
      });
      return answerJson(context, `{"results":[${(await Promise.all(results)).join(',')}]}`, 200);
    }),
  );
}

/** Events of senders that sign them: `{"topic": ..., "event": {...}}`. */
function addWebhooks(app: App, { callers, take }: Pick<AppOptions, 'callers'> & Pick<Inside, 'take'>): void {
  const senders = new Map(callers.webhooks.map((webhook) => [webhook.id, webhook]));
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
    return answerEvent(context, take, { caller: sender, topic, bytes: Buffer.from(event) });
  });
}
