// Emit events with our own client and print the id of each: URL KEY CUSTOMER COUNT.
import { connect } from "./index.js";

const [url, key, customer, count] = process.argv.slice(2) as [string, string, string, string];
const hookpost = connect(url, key, { retries: { number: 100, firstSeconds: 0.05, longestSeconds: 5 } });
const numbers = Array.from({ length: Number(count) }, (_, number) => number);

async function emitRest(): Promise<void> {
  for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) {
    const body = { customer, type: "invoice.paid", data: { number } };
    console.log((await hookpost.post("/api/v1/events", { body })).id);
  }
}

await Promise.all([emitRest(), emitRest(), emitRest(), emitRest()]);
