"""What another Django project says in its own settings: `HOOKPOST = {…}`.

What lives here: handing it on, before anything of ours has read a setting. The standalone server's settings have no
HOOKPOST: there all comes from the environment. It must not know what a setting means.
"""

from __future__ import annotations

import dramatiq
from django.conf import settings
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker

from deliveries import conf as ours


def take_settings() -> None:
    """Read HOOKPOST, if the project has one; keys and broker in it are as good as settings of their own."""
    given = getattr(settings, "HOOKPOST", None)
    if given is None:
        return
    ours.use(given)
    if "ENCRYPTION_KEYS" in given:
        settings.ENCRYPTION_KEYS = ours.conf.encryption_keys
    if "BROKER_URL" in given:
        settings.BROKER_URL = ours.conf.broker_url
        if dramatiq.broker.global_broker is None:
            dramatiq.set_broker(_broker(ours.conf.broker_url))


def _broker(url: str) -> dramatiq.Broker:
    if url.startswith("amqp"):
        return RabbitmqBroker(url=url, confirm_delivery=True)
    return RedisBroker(url=url)
