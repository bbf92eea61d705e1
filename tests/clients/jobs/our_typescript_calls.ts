// One call of our own client, told as a line of JSON: URL CALL [KEY].
import { ApiError, connect, verify, WebhookVerificationError } from "./index.js";

const [url, call, key] = process.argv.slice(2) as [string, string, string?];
const hookpost = connect(url, "hk_x", { retries: { number: 3, firstSeconds: 0.001 } });
const header = key === undefined ? {} : { "Idempotency-Key": key };
const calls: Record<string, () => Promise<unknown>> = {
  emit: () =>
    hookpost.post("/api/v1/events", { params: { header }, body: { customer: "a", type: "a.b", data: { n: 1 } } }),
  create: () => hookpost.post("/api/v1/customers", { body: { name: "Acme" } }),
  verify: async () => verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "{}", {}),
};

// @ts-expect-error: no path of the API
void (() => hookpost.get("/api/v1/nosuch"));
// @ts-expect-error: no customer has such a name
void (() => hookpost.post("/api/v1/events", { body: { customer: 1, type: "a.b", data: {} } }));
// @ts-expect-error: an event has a body
void (() => hookpost.post("/api/v1/events"));

try {
  console.log(JSON.stringify({ answer: await calls[call]!() }));
} catch (error) {
  const { status, detail } = error instanceof ApiError ? error : { status: undefined, detail: undefined };
  const name = error instanceof WebhookVerificationError ? "WebhookVerificationError" : (error as Error).name;
  console.log(JSON.stringify({ error: name, status, detail }));
}
