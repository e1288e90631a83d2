import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppOptions } from './app.ts';
import { bodyOfIncoming } from './body.ts';
import { budgetHeader } from './budget.ts';
import { bodyOfProblem, headersOfProblem, type Problem, problems } from './problems.ts';
import type { SignIn } from './sign-in.ts';
import type { Asked, Taken } from './take-event.ts';

/** Answers a request by itself; false when it is not one of its own. */
export type DirectRoute = (request: IncomingMessage, response: ServerResponse) => boolean;

const scorePath = '/v1/authorizations:score';
const topic = 'payments.authorization.v1';

/**
 * The route that most requests take, answered on Node's own request and response: the objects of web requests around them
 * cost more than a decision. The app has the same route, for where there is no Node server.
 */
export function createDirectRoute(
  { observe }: Pick<AppOptions, 'observe'>,
  { signIn, take }: { readonly signIn: SignIn; readonly take: (asked: Asked) => Promise<Taken> },
): DirectRoute {
  async function answer(request: IncomingMessage): Promise<Taken> {
    const caller = signIn(request.headers.authorization, 'score');
    if ('status' in caller) return { problem: caller };
    const bytes = await bodyOfIncoming(request);
    if (bytes === null) return { problem: problems.tooLarge };
    // One that came several times is joined by commas, which is no number.
    return take({ caller, topic, bytes, budget: request.headers[budgetHeader]?.toString() });
  }
  return (request, response) => {
    if (request.method !== 'POST' || request.url !== scorePath) return false;
    const startMs = performance.now();
    void answer(request)
      .catch((error: unknown): Taken => {
        process.stderr.write(`weir: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
        return { problem: problems.failed };
      })
      .then((taken) => {
        const status = 'problem' in taken ? sendProblem(response, taken.problem) : sendText(response, taken);
        observe?.({ route: scorePath, status, seconds: (performance.now() - startMs) / 1000 });
      });
    return true;
  };
}

function sendText(response: ServerResponse, { status, text }: Extract<Taken, { text: string }>): number {
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
  return status;
}

function sendProblem(response: ServerResponse, problem: Problem): number {
  const text = JSON.stringify(bodyOfProblem(problem));
  response.writeHead(problem.status, {
    ...headersOfProblem(problem),
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
  return problem.status;
}
