/** Trying again: which requests may be sent once more, when, and what makes emitting safe to repeat. */
import { errorOf, retryAfter } from "./errors.js";

/**
 * How often a request is sent again, and how long the first pause is; each is twice the last, up to the longest.
 * An answer that asks for a longer pause than the longest is not waited for: its error is thrown at once.
 */
export interface Retries {
  number: number;
  firstSeconds: number;
  longestSeconds: number;
}

export const KEY = "Idempotency-Key";
const EMITTING = /\/api\/v1\/events(\/batch)?$/;
const TRY_AGAIN = new Set([429, 503]);
const SERVER_LOST = new Set([502, 504]); // what a proxy says of a server whose connection it lost
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);

/** Return how long to wait after so many tries, at least what the answer asks for; undefined: too long. */
export function pauseSeconds(retries: Retries, tries: number, response?: Response): number | undefined {
  const own = retries.firstSeconds * 2 ** (tries - 1) * (0.5 + Math.random());
  const asked = (response && retryAfter(response)) ?? 0;
  return asked > retries.longestSeconds ? undefined : Math.max(asked, Math.min(own, retries.longestSeconds));
}

/** Say whether a request may be done twice: reading and changing to a state, or a POST that the API knows again. */
function isRepeatable(request: Request): boolean {
  return request.method !== "POST" || request.headers.has(KEY);
}

function wasNotSent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && NOT_SENT.has(String(cause.code));
}

/** Return a `fetch` that sends again what may be sent again, and throws what the API refuses. */
export function retryingFetch(retries: Retries, timeoutSeconds: number): (request: Request) => Promise<Response> {
  /** Send once, to the end of the answer: a connection can be lost in the middle of it too. */
  async function send(request: Request): Promise<Response> {
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    const response = await fetch(request.clone(), { signal: AbortSignal.any([request.signal, timeout]) });
    const body = response.body === null ? null : await response.arrayBuffer();
    return new Response(body, response);
  }

  return async (request) => {
    if (request.method === "POST" && EMITTING.test(new URL(request.url).pathname) && !request.headers.has(KEY))
      request.headers.set(KEY, crypto.randomUUID());
    for (let tries = 1; ; tries += 1) {
      let response: Response | undefined;
      try {
        response = await send(request);
      } catch (error) {
        const again = !request.signal.aborted && (isRepeatable(request) || wasNotSent(error));
        if (tries > retries.number || !again) throw error;
      }
      if (response?.ok) return response;
      const seconds = pauseSeconds(retries, tries, response);
      if (response !== undefined) {
        const { status } = response;
        const again = TRY_AGAIN.has(status) || (SERVER_LOST.has(status) && isRepeatable(request));
        if (tries > retries.number || !again || seconds === undefined) throw await errorOf(response);
      }
      await new Promise((wake) => setTimeout(wake, (seconds ?? 0) * 1000));
    }
  };
}
