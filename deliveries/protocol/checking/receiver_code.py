"""Code that checks a request's signature, in the languages of those who receive them.

What lives here: text. The secret is the endpoint's, the body the raw bytes as they came. tests/receivers runs what the
machine has a language for. It must not know where it is shown.
Source: Standard Webhooks, Verifying webhook authenticity.
"""

from __future__ import annotations

from dataclasses import dataclass

PYTHON = """\
# pip install standardwebhooks
import os
from standardwebhooks import Webhook

# request.body: the raw bytes, before anything parses them
payload = Webhook(os.environ["WEBHOOK_SECRET"]).verify(request.body, dict(request.headers))\
"""
NODE = """\
// npm install standardwebhooks
import { Webhook } from "standardwebhooks";

// rawBody: the raw bytes, before anything parses them
const payload = new Webhook(process.env.WEBHOOK_SECRET).verify(rawBody, req.headers);\
"""
GO = """\
// go get github.com/standard-webhooks/standard-webhooks/libraries
// import standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
webhook, err := standardwebhooks.NewWebhook(os.Getenv("WEBHOOK_SECRET"))
if err != nil {
	log.Fatal(err)
}

// body: the raw bytes, before anything parses them
err = webhook.Verify(body, request.Header)\
"""
RUBY = """\
require "openssl"

# body: the raw bytes, before anything parses them, such as request.raw_post; the others are the headers of that name
def verify(body, id:, timestamp:, signature:, secret: ENV.fetch("WEBHOOK_SECRET"))
  return false if (Time.now.to_i - timestamp.to_i).abs > 300

  key = secret.delete_prefix("whsec_").unpack1("m")
  digest = OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{timestamp}.".b + body.b)
  expected = "v1," + [digest].pack("m0")
  signature.split.any? { |given| OpenSSL.secure_compare(given, expected) }
end\
"""
PHP = """\
// $body: the raw bytes, before anything parses them: file_get_contents("php://input"); the others are the headers
function verify(string $body, string $id, string $timestamp, string $signature, string $secret): bool
{
    if (abs(time() - (int) $timestamp) > 300) {
        return false;
    }
    $key = base64_decode(substr($secret, strlen("whsec_")));
    $expected = "v1," . base64_encode(hash_hmac("sha256", "$id.$timestamp.$body", $key, true));
    foreach (explode(" ", $signature) as $given) {
        if (hash_equals($expected, $given)) {
            return true;
        }
    }
    return false;
}\
"""
JAVA = """\
// import java.security.MessageDigest; import java.time.Instant; import java.util.Base64;
// import javax.crypto.Mac; import javax.crypto.spec.SecretKeySpec;
// body: the raw bytes, before anything parses them; the others are the headers of that name
static boolean verify(byte[] body, String id, String timestamp, String signature, String secret) throws Exception {
    if (!timestamp.matches("[0-9]{1,12}")) return false;
    if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300) return false;
    byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key, "HmacSHA256"));
    mac.update((id + "." + timestamp + ".").getBytes());
    byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes();
    for (String given : signature.split(" ")) {
        if (MessageDigest.isEqual(expected, given.getBytes())) return true;
    }
    return false;
}\
"""
CSHARP = """\
// using System; using System.Linq; using System.Security.Cryptography; using System.Text;
// body: the raw bytes, before anything parses them; the others are the headers of that name
static bool Verify(byte[] body, string id, string timestamp, string signature, string secret)
{
    if (!long.TryParse(timestamp, out var sent)) return false;
    if (Math.Abs(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - sent) > 300) return false;
    using var mac = new HMACSHA256(Convert.FromBase64String(secret.Substring("whsec_".Length)));
    var hash = mac.ComputeHash(Encoding.UTF8.GetBytes($"{id}.{timestamp}.").Concat(body).ToArray());
    var expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(hash));
    return signature.Split(' ').Any(given =>
        CryptographicOperations.FixedTimeEquals(expected, Encoding.UTF8.GetBytes(given)));
}\
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverCode:
    """The code of one language; `key` is its name where a name may have no other letters."""

    key: str
    title: str
    code: str


RECEIVER_CODE = (
    ReceiverCode(key="python", title="Python", code=PYTHON),
    ReceiverCode(key="node", title="Node", code=NODE),
    ReceiverCode(key="go", title="Go", code=GO),
    ReceiverCode(key="ruby", title="Ruby", code=RUBY),
    ReceiverCode(key="php", title="PHP", code=PHP),
    ReceiverCode(key="java", title="Java", code=JAVA),
    ReceiverCode(key="csharp", title="C#", code=CSHARP),
)
