-- How an endpoint wants its requests, as JSON that protocol/sending/payload.py reads; null for a plain one.
-- e (of hookpost_endpoint)
-- One column, so that what is added here costs plain endpoints nothing.
CASE WHEN e.unverified IS NOT NULL THEN
    json_build_object(
        'challenge', e.unverified, 'method', CASE WHEN e.unverified = 'cloudevents' THEN 'OPTIONS' ELSE 'POST' END
    )::text
WHEN e.payload_mode <> 'full' OR e.method <> 'POST' OR e.body_format <> 'json' OR e.transformation <> ''
    OR e.send_trace_context OR e.batch_size > 1 OR e.api_version IS NOT NULL THEN
    json_build_object(
        'payload_mode', e.payload_mode, 'method', e.method, 'body_format', e.body_format,
        'transformation', e.transformation, 'trace_context', e.send_trace_context,
        'batch_size', e.batch_size, 'batch_wait_ms', e.batch_wait_ms, 'api_version', e.api_version
    )::text
END
