// The whole job with the client made by @hey-api/openapi-ts: URL KEY TARGET.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import * as hookpost from "./client";
import { client } from "./client/client.gen";

const [url, key, target] = process.argv.slice(2);
client.setConfig({ baseUrl: url, auth: key, throwOnError: true });
const sure = { throwOnError: true } as const;

async function main() {
  await hookpost.createCustomer({ ...sure, body: { name: "Acme", uid: "acme" } });
  const body = { url: target, uid: "main", retry_schedule: [0] };
  const { data: endpoint } = await hookpost.createEndpoint({ ...sure, path: { customer: "acme" }, body });
  assert(endpoint.secret.startsWith("whsec_"));
  assert.deepEqual([endpoint.state, endpoint.health.state, endpoint.rate_limit], ["enabled", "unknown", null]);

  const data: hookpost.InvoicePaidEventData = { lines: [{ amount: 7 }] };
  const { data: accepted } = await hookpost.emitEvent({
    ...sure,
    headers: { "Idempotency-Key": "invoice-7" },
    body: { customer: "acme", type: "invoice.paid", data },
  });
  assert.equal(accepted.deliveries, 1);

  const list = () => hookpost.listDeliveries({ ...sure, query: { customer: "acme", endpoint: "main" } });
  let [delivery] = (await list()).data.results;
  while (delivery.state === "pending") {
    assert.equal(delivery.waiting_for?.reason, "schedule");
    await sleep(50);
    [delivery] = (await list()).data.results;
  }
  assert.deepEqual([delivery.state, delivery.status_code, delivery.event], ["exhausted", 500, accepted.id]);

  const path = { delivery: delivery.id };
  await hookpost.redeliver({ ...sure, path, body: { reason: "mended" } });
  while ((await hookpost.getDelivery({ ...sure, path })).data.state !== "succeeded") await sleep(50);
  const attempts = (await hookpost.listAttempts({ ...sure, path })).data.results;
  assert.deepEqual(attempts.map((each) => each.status_code), [204, 500]);

  const gone = await hookpost.getCustomer({ throwOnError: false, path: { customer: "nosuch" } });
  assert.equal(gone.error?.status, 404);
  console.log("done");
}

main();
