use http::{HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::Webhook;
use std::env::var;
use tiny_http::{Response, Server};

fn main() {
    let webhook = Webhook::new(&var("WEBHOOK_SECRET").unwrap()).unwrap(); // whsec_…
    let server = Server::http(format!("127.0.0.1:{}", var("PORT").unwrap())).unwrap();
    for mut request in server.incoming_requests() {
        let mut headers = HeaderMap::new();
        for header in request.headers() {
            let name = HeaderName::from_bytes(header.field.as_str().as_bytes());
            let value = HeaderValue::from_str(header.value.as_str());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.insert(name, value);
            }
        }
        let mut body = Vec::new(); // as it came
        let read = request.as_reader().read_to_end(&mut body).is_ok();
        let valid = read && webhook.verify(&body, &headers).is_ok();
        let _ = request.respond(Response::empty(if valid { 204 } else { 400 })); // answer now, work later
    }
}
