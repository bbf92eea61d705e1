import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET); // whsec_…

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8"); // as it came, not parsed and written again
  try {
    const event = webhook.verify(body, request.headers);
    console.log("received", request.headers["webhook-id"], event.type);
    response.writeHead(204).end(); // answer now, work later
  } catch (error) {
    response.writeHead(400).end(error.message);
  }
}).listen(process.env.PORT, "127.0.0.1");
