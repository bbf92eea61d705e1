// The whole job with types made by openapi-typescript, and openapi-fetch: URL KEY TARGET.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

const [url, key, target] = process.argv.slice(2);
const hookpost = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });

function sure<T>(answer: { data?: T; error?: unknown }): T {
  assert.equal(answer.error, undefined);
  assert(answer.data !== undefined);
  return answer.data;
}

async function main() {
  sure(await hookpost.POST("/api/v1/customers", { body: { name: "Acme", uid: "acme" } }));
  const customer = { path: { customer: "acme" } };
  const endpoint = sure(
    await hookpost.POST("/api/v1/customers/{customer}/endpoints", {
      params: customer,
      body: { url: target, uid: "main", retry_schedule: [0] },
    }),
  );
  assert(endpoint.secret.startsWith("whsec_"));
  assert.deepEqual([endpoint.state, endpoint.health.state, endpoint.rate_limit], ["enabled", "unknown", null]);

  const data: components["schemas"]["InvoicePaidEventData"] = { lines: [{ amount: 7 }] };
  const accepted = sure(
    await hookpost.POST("/api/v1/events", {
      params: { header: { "Idempotency-Key": "invoice-7" } },
      body: { customer: "acme", type: "invoice.paid", data },
    }),
  );
  assert.equal(accepted.deliveries, 1);

  const query = { customer: "acme", endpoint: "main" };
  let [delivery] = sure(await hookpost.GET("/api/v1/deliveries", { params: { query } })).results;
  while (delivery.state === "pending") {
    assert.equal(delivery.waiting_for?.reason, "schedule");
    await sleep(50);
    [delivery] = sure(await hookpost.GET("/api/v1/deliveries", { params: { query } })).results;
  }
  assert.deepEqual([delivery.state, delivery.status_code, delivery.event], ["exhausted", 500, accepted.id]);

  const params = { path: { delivery: delivery.id } };
  sure(await hookpost.POST("/api/v1/deliveries/{delivery}/redeliver", { params, body: { reason: "mended" } }));
  while (sure(await hookpost.GET("/api/v1/deliveries/{delivery}", { params })).state !== "succeeded") await sleep(50);
  const attempts = sure(await hookpost.GET("/api/v1/deliveries/{delivery}/attempts", { params })).results;
  assert.deepEqual(attempts.map((each) => each.status_code), [204, 500]);

  const gone = await hookpost.GET("/api/v1/customers/{customer}", { params: { path: { customer: "nosuch" } } });
  assert.equal(gone.error?.status, 404);
  console.log("done");
}

main();
