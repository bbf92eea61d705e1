import { createHmac, timingSafeEqual } from "node:crypto";
import express from "express";

const secret = process.env.WEBHOOK_SECRET; // the whole text, whsec_ included
const app = express();

app.post("/", express.raw({ type: "application/json" }), (request, response) => {
  const expected = createHmac("sha256", secret).update(request.body).digest();
  const given = Buffer.from(request.get("X-Signature") ?? "", "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return response.status(400).send("wrong signature");
  }
  const event = JSON.parse(request.body);
  console.log("received", request.get("webhook-id"), event.type);
  response.status(204).end();
});

app.listen(process.env.PORT, "127.0.0.1");
