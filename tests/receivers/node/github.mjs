import { createServer } from "node:http";
import { verify } from "@octokit/webhooks-methods";

const secret = process.env.WEBHOOK_SECRET; // the whole text, whsec_ included

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8");
  const valid = await verify(secret, body, request.headers["x-hub-signature-256"] ?? "none");
  response.writeHead(valid ? 204 : 400).end();
}).listen(process.env.PORT, "127.0.0.1");
