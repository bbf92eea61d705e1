import { createServer } from "node:http";
import { Webhooks, createNodeMiddleware } from "@octokit/webhooks";

const webhooks = new Webhooks({ secret: process.env.WEBHOOK_SECRET }); // the whole text, whsec_ included
webhooks.onAny(({ id, name }) => {
  if (!id.startsWith("evt_") || name !== "invoice.paid") throw new Error(`no work for ${id} ${name}`);
});

createServer(createNodeMiddleware(webhooks, { path: "/" })).listen(process.env.PORT, "127.0.0.1");
