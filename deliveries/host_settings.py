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
from deliveries.errors import WrongSetting
from deliveries.protocol.writing.amqp_urls import each_host

OTHER_BROKER = (
    "HOOKPOST: BROKER_URL is redis://, rediss://, unix://, amqp:// or amqps:// here, without queue_type;"
    " for Sentinel or quorum queues make a broker of your own and call dramatiq.set_broker in the settings"
)


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
    """Return Dramatiq's own broker; what only the standalone server's can do is refused in a sentence."""
    try:
        if url.startswith("amqp"):
            return RabbitmqBroker(url=each_host(url), confirm_delivery=True)
        return RedisBroker(url=url)
    except ValueError:
        raise WrongSetting(OTHER_BROKER) from None  # what it says may hold a password
