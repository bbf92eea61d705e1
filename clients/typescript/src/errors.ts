/** What the API refuses, as errors. Source: RFC 9457. */

/** A field that is refused: where it is in the body, and why. */
export interface FieldError {
  pointer: string;
  detail: string;
}

/** An answer of 400 or more. */
export class ApiError extends Error {
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: FieldError[];

  constructor(
    readonly status: number,
    problem: Partial<Record<"type" | "title" | "detail", string>> & { errors?: FieldError[] },
    /** After how many seconds the API would be asked again, where it said so. */
    readonly retryAfter?: number,
  ) {
    super(`${status} ${problem.title ?? ""}: ${problem.detail ?? ""}`);
    this.name = new.target.name;
    this.type = problem.type ?? "";
    this.title = problem.title ?? "";
    this.detail = problem.detail ?? "";
    this.errors = problem.errors ?? [];
  }
}

/** No living key. */
export class Unauthorized extends ApiError {}
/** This key may not do it. */
export class Forbidden extends ApiError {}
/** Nothing of this id, or not yours to see. */
export class NotFound extends ApiError {}
/** The state forbids it now. */
export class Conflict extends ApiError {}
/** Some fields are refused: `errors` says which. */
export class Invalid extends ApiError {}
/** Too many requests, also after the last try. */
export class RateLimited extends ApiError {}
/** The database did not answer, also after the last try; nothing was stored, unless `detail` says that this is not known. */
export class Unavailable extends ApiError {}

const BY_STATUS: Record<number, typeof ApiError> = {
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  422: Invalid,
  429: RateLimited,
  503: Unavailable,
};

/** Return the error that an answer means. */
export async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  const kind = BY_STATUS[response.status] ?? ApiError;
  try {
    return new kind(response.status, Object(JSON.parse(text)), retryAfter(response));
  } catch {
    return new kind(response.status, { title: response.statusText, detail: text.slice(0, 300) }, retryAfter(response));
  }
}

/** Return how many seconds an answer asks to wait; it says so in seconds or by a date (RFC 9110, 10.2.3). */
export function retryAfter(response: Response): number | undefined {
  const asked = response.headers.get("Retry-After")?.trim() ?? "";
  if (/^\d+$/.test(asked)) return Number(asked);
  const moment = Date.parse(asked);
  return Number.isNaN(moment) ? undefined : Math.max(0, (moment - Date.now()) / 1000);
}
