// The whole job with our own client: URL KEY TARGET.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type components, connect, Invalid, NotFound, pages } from "./index.js";

type NewEvent = components["schemas"]["NewEventRequest"];

const [url, key, target] = process.argv.slice(2) as [string, string, string];
const hookpost = connect(url, key);

const anEvent = (type: string, number: number): NewEvent => ({ customer: "acme", type, data: { number } });

async function all<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

async function main(): Promise<void> {
  await hookpost.post("/api/v1/customers", { body: { name: "Acme", uid: "acme" } });
  const params = { path: { customer: "acme" } };
  const body = { url: target, uid: "main", retry_schedule: [0], event_types: ["invoice.paid"] };
  const endpoint = await hookpost.post("/api/v1/customers/{customer}/endpoints", { params, body });
  assert(endpoint.secret.startsWith("whsec_"));

  const accepted = await hookpost.post("/api/v1/events", { body: anEvent("invoice.paid", 7) });
  assert.equal(accepted.deliveries, 1);
  for (let number = 0; number < 4; number += 1)
    await hookpost.post("/api/v1/events", { body: anEvent("invoice.void", number) });
  const events = await all(pages(hookpost, "/api/v1/events", { params: { query: { customer: "acme", limit: 2 } } }));
  assert.equal(events.length, 5);

  const deliveries = () => all(pages(hookpost, "/api/v1/deliveries", { params: { query: { customer: "acme" } } }));
  let [delivery] = await deliveries();
  while (delivery?.state === "pending") {
    await sleep(50);
    [delivery] = await deliveries();
  }
  assert(delivery !== undefined);
  assert.deepEqual([delivery.state, delivery.event], ["exhausted", accepted.id]);

  const one = { params: { path: { delivery: delivery.id } } };
  await hookpost.post("/api/v1/deliveries/{delivery}/redeliver", { ...one, body: { reason: "mended" } });
  while ((await hookpost.get("/api/v1/deliveries/{delivery}", one)).state !== "succeeded") await sleep(50);

  await assert.rejects(
    hookpost.get("/api/v1/customers/{customer}", { params: { path: { customer: "nosuch" } } }),
    (error) => error instanceof NotFound && error.status === 404 && error.title !== "",
  );
  await assert.rejects(
    hookpost.post("/api/v1/customers/{customer}/endpoints", { params, body: { url: "http://10.0.0.1/" } }),
    (error) => error instanceof Invalid && error.errors[0]?.pointer === "/url",
  );
  console.log("done");
}

await main();
