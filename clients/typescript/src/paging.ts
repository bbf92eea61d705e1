/** Lists as one row after the other, whatever the size of their pages. */
import type { MaybeOptionalInit } from "openapi-fetch";
import type { PathsWithMethod } from "openapi-typescript-helpers";

import type { paths } from "./schema.js";
import type { Hookpost, InitParam } from "./session.js";

type Listing<Row> = { responses: { 200: { content: { "application/json": { next: string | null; results: Row[] } } } } };

/** A path that answers with a list. */
export type ListPath = {
  [Path in PathsWithMethod<paths, "get">]: paths[Path]["get"] extends Listing<unknown> ? Path : never;
}[PathsWithMethod<paths, "get">];

/** A row of the list that a path answers. */
export type Row<Path extends ListPath> = paths[Path]["get"] extends Listing<infer Item> ? Item : never;

/** Yield every row of a list: `for await (const delivery of pages(hookpost, "/api/v1/deliveries")) …` */
export async function* pages<Path extends ListPath, Init extends MaybeOptionalInit<paths[Path], "get">>(
  hookpost: Hookpost,
  path: Path,
  ...init: InitParam<Init>
): AsyncGenerator<Row<Path>, void, undefined> {
  const asked = (init[0] ?? {}) as { params?: { query?: object } };
  const get = hookpost.get as (path: string, init: object) => Promise<{ next: string | null; results: Row<Path>[] }>;
  let cursor: { cursor?: string } = {};
  for (;;) {
    const page = await get(path, { ...asked, params: { ...asked.params, query: { ...asked.params?.query, ...cursor } } });
    yield* page.results;
    if (page.next === null) return;
    cursor = { cursor: new URL(page.next).searchParams.get("cursor") ?? "" };
  }
}
