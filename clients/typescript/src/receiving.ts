/** For receivers: whether a request came from Hookpost. The library of Standard Webhooks does it. */
import { Webhook, WebhookVerificationError } from "standardwebhooks";

export { Webhook, WebhookVerificationError };

/** Return the payload of a request whose signature is right; throws WebhookVerificationError. */
export function verify(secret: string, body: string | Uint8Array, headers: Record<string, string>): unknown {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  return new Webhook(secret).verify(text, headers);
}
