/** A client of Hookpost's REST API. `schema` is made from the API's own description. */
export * from "./errors.js";
export { type ListPath, pages, type Row } from "./paging.js";
export { verify, Webhook, WebhookVerificationError } from "./receiving.js";
export type { Retries } from "./retrying.js";
export type { components, paths } from "./schema.js";
export { type Call, connect, type Hookpost, type Options } from "./session.js";
