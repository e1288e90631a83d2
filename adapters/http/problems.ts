import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Issue, Refusal } from '../../core/decode/refusal.ts';

/** What went wrong, as RFC 9457 says it; `errors` lists everything that is wrong with the body. */
export type Problem = {
  readonly status: ContentfulStatusCode;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly Issue[];
  /** Seconds. */
  readonly retryAfter?: number;
};

/** A problem as it is sent. */
export function bodyOfProblem({ retryAfter: _left, ...problem }: Problem): object {
  return { type: `urn:weir:problem:${problem.code}`, ...problem };
}

/** The headers that a problem is sent with. */
export function headersOfProblem({ retryAfter }: Problem): Record<string, string> {
  const type = { 'content-type': 'application/problem+json' };
  return retryAfter === undefined ? type : { ...type, 'retry-after': String(Math.max(1, Math.ceil(retryAfter))) };
}

/** Answers with a problem. */
export function answerProblem(context: Context, problem: Problem): Response {
  return context.body(JSON.stringify(bodyOfProblem(problem)), problem.status, headersOfProblem(problem));
}

const statusOf: Readonly<Record<Refusal['code'], ContentfulStatusCode>> = {
  tooLarge: 413,
  notUtf8: 400,
  notJson: 400,
  tooDeep: 400,
  forbiddenKey: 400,
  unmappable: 400,
  unknownContract: 404,
  contractViolation: 422,
  unknownSensor: 422,
  future: 422,
  conflict: 409,
};

/** A refusal of an event as a problem. */
export function problemOf({ code, message, issues }: Refusal): Problem {
  const title = code === 'conflict' ? 'this eventId came before with another body' : 'the event is not accepted';
  return { status: statusOf[code], code, title, detail: message, errors: issues };
}

/** Problems that do not depend on an event. */
export const problems = {
  notSignedIn: {
    status: 401,
    code: 'notSignedIn',
    title: 'no valid API key',
    detail: 'got no API key that is known, expected one in the header authorization: Bearer KEY',
  },
  unsigned: {
    status: 401,
    code: 'unsigned',
    title: 'no valid signature',
    detail:
      'got no signature that fits, expected weir-signature: t=SECONDS,v1=HMAC-SHA256 of SECONDS.BODY, 5 minutes old at most',
  },
  notFound: { status: 404, code: 'notFound', title: 'there is none', detail: 'got an id or a path that is not known' },
  notAllowed: {
    status: 405,
    code: 'notAllowed',
    title: 'not by this method',
    detail: 'got another method, expected one of the header allow',
  },
  tooLarge: {
    status: 413,
    code: 'tooLarge',
    title: 'the body is too large',
    detail: 'got a body that is too large, expected at most 65536 bytes, or 1048576 of a batch',
  },
  stopping: {
    status: 503,
    code: 'notReady',
    title: 'no events are taken now',
    detail: 'got an event while starting or stopping; send it again: the same eventId is decided once',
    retryAfter: 1,
  },
  inFlight: {
    status: 409,
    code: 'inFlight',
    title: 'this eventId is being decided',
    detail: 'got an event that another request is deciding; send it again: the same eventId is decided once',
    retryAfter: 1,
  },
  unavailable: {
    status: 503,
    code: 'unavailable',
    title: 'what keeps the decisions does not answer in time',
    detail: 'got no answer of it; send the event again: the same eventId is decided once',
    retryAfter: 1,
  },
  busy: {
    status: 503,
    code: 'busy',
    title: 'as many events wait as may wait',
    detail:
      'got an event beyond the limit of events that wait for their decisions (waitingMax); it was not taken: send it again',
    retryAfter: 1,
  },
  noBudget: {
    status: 400,
    code: 'notABudget',
    title: 'the header weir-deadline-ms is no time to answer in',
    detail: 'got another value of weir-deadline-ms, expected a whole number of milliseconds from 1 on',
  },
  late: {
    status: 503,
    code: 'deadline',
    title: 'no decision within the deadline',
    detail: 'the decision comes all the same: send the event again, or ask for the decision by its id',
    retryAfter: 1,
  },
  noTelemetry: {
    status: 404,
    code: 'noTelemetry',
    title: 'no readings are taken here',
    detail: 'got readings, expected them where they are taken: weir serve --registry FILE',
  },
  failed: {
    status: 500,
    code: 'failed',
    title: 'something failed here',
    detail: 'send the event again: the same eventId is decided once',
  },
} as const satisfies Readonly<Record<string, Problem>>;

/** A key that lacks a scope, or a tenant. */
export function forbidden(what: string): Problem {
  return { status: 403, code: 'forbidden', title: 'this key may not do that', detail: `got a key without ${what}` };
}
