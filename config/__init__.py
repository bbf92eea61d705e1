"""How the parts are put together: settings, URLs, the web server's entry, broker, logs, embedded services.

What lives here: wiring. It must not know what a webhook is.

By what they are about; the first line of each file says what lives there.

settings            settings database keyring mail logging urls
the broker          broker broker_lines broker_state list_broker messages rabbit_broker redis_client
in front of Django  wsgi fast_path probes known_callers bodies stalled callers request_ids listening
middleware          page_middleware portal_share embedded_portal security site_cookies sessions static_files
processes           supervisor
"""
