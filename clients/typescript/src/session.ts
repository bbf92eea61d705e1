/** The client: one method for each of HTTP's, which takes a path of the API and returns what it answers. */
import createClient, { type FetchResponse, type MaybeOptionalInit } from "openapi-fetch";
import type { MediaType, PathsWithMethod, RequiredKeysOf } from "openapi-typescript-helpers";

import { type Retries, retryingFetch } from "./retrying.js";
import type { paths } from "./schema.js";

type Method = "get" | "post" | "patch" | "delete";
type Good<Answer> = Answer extends { data: infer Data; error?: never } ? Data : never;
/** What goes with a call: parameters and body; nothing where neither is needed. */
export type InitParam<Init> = RequiredKeysOf<Init> extends never ? [Init?] : [Init];

/** Calls one path; what the API refuses is thrown as ApiError. */
export type Call<Verb extends Method> = <
  Path extends PathsWithMethod<paths, Verb>,
  Init extends MaybeOptionalInit<paths[Path], Verb>,
>(
  path: Path,
  ...init: InitParam<Init>
) => Promise<Good<FetchResponse<paths[Path][Verb] & Record<string, unknown>, Init, MediaType>>>;

/** The API of one installation. */
export type Hookpost = { readonly [Verb in Method]: Call<Verb> };

/** What may be chosen for a client. */
export interface Options {
  retries?: Partial<Retries>;
  timeoutSeconds?: number;
}

/** Return a client for an installation, such as https://hooks.example.com, and an API key. */
export function connect(url: string, key: string, options: Options = {}): Hookpost {
  const retries = { number: 5, firstSeconds: 0.5, longestSeconds: 60, ...options.retries };
  const client = createClient<paths>({
    baseUrl: url.replace(/\/+$/, ""),
    headers: { Authorization: `Bearer ${key}` },
    fetch: retryingFetch(retries, options.timeoutSeconds ?? 30),
  });
  const call = (method: string) => async (path: string, init?: object) =>
    (await client.request(method as "get", path as never, init as never)).data;
  return { get: call("get"), post: call("post"), patch: call("patch"), delete: call("delete") } as Hookpost;
}
