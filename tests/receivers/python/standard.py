import os
from wsgiref.simple_server import make_server

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])  # whsec_…


def receive(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))  # as it came
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: environ.get("HTTP_" + name.upper().replace("-", "_"), "") for name in names}
    try:
        event = webhook.verify(body, headers)
    except WebhookVerificationError as error:
        start_response("400 Bad Request", [("content-type", "text/plain")])
        return [str(error).encode()]
    print(f"received {headers['webhook-id']} {event['type']}")
    start_response("204 No Content", [])  # answer now, work later
    return []


make_server("127.0.0.1", int(os.environ["PORT"]), receive).serve_forever()
