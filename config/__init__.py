"""How the parts are put together: settings, URLs, the web server's entry, broker, logs, embedded services.

What lives here: wiring. It must not know what a webhook is.
"""
