"""Django's settings, derived from `deliveries.conf`, which alone reads the environment.

What lives here: the choice of apps, middleware and options. It must not read a variable itself.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import dramatiq
from django.http.request import split_domain_port

from config.broker import make_broker
from config.database import database_settings
from config.embedded import broker_url, database_url
from config.keyring import encryption_keys, secret_key
from config.logging import configure_structlog, logging_settings
from config.mail import email_settings
from deliveries.conf import conf

DEBUG = conf.debug
SECRET_KEY = secret_key(conf)
ENCRYPTION_KEYS = encryption_keys(conf)
BROKER_URL = conf.broker_url or broker_url(conf.data_dir)
dramatiq.set_broker(make_broker(BROKER_URL))

ALLOWED_HOSTS = [
    split_domain_port(urlsplit(conf.base_url).netloc)[0],
    "localhost",
    "127.0.0.1",
    "[::1]",
    *conf.allowed_hosts,
]
CSRF_TRUSTED_ORIGINS = ["://".join(urlsplit(conf.base_url)[:2])]

INSTALLED_APPS = [
    "deliveries.apps.DeliveriesConfig",  # before Unfold, some of whose templates are ours
    "unfold",
    "django.contrib.admin.apps.SimpleAdminConfig",  # the pages are imported with the addresses: a worker needs none
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "django_otp",
    "config",  # the commands of the standalone server: up, web, demo
]

MIDDLEWARE = [
    "config.embedded_portal.embedded_portal",
    "config.security.security_headers",
    "django.middleware.security.SecurityMiddleware",
    "config.static_files.StaticFiles",
    "config.page_middleware.Compressed",
    "config.site_cookies.site_cookies",
    "config.page_middleware.Sessions",
    "config.page_middleware.Language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "config.page_middleware.Authentication",
    "config.page_middleware.SecondFactor",
    "config.page_middleware.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.page_middleware.LockOut",
    "config.portal_share.portal_share",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database_settings(conf.database_url or database_url(conf.data_dir))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "deliveries.services.link_backend.LinkBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "/admin/login/"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False
AXES_CLIENT_IP_CALLABLE = "config.callers.log_in_address"

CSRF_FAILURE_VIEW = "deliveries.api.error_pages.csrf_failure"
SESSION_ENGINE = "config.sessions"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # of one site, as sessions are
DEFAULT_EXCEPTION_REPORTER_FILTER = "config.security.RedactedReports"

LANGUAGE_CODE = "en"  # of API, log and commands; pages and letters have their reader's
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français"), ("es", "Español")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # served from the packages: one step less, the same way everywhere
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "config.static_files.HashedFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static_files.HashedAddresses"},
}

IS_HTTPS = conf.base_url.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if conf.trusted_proxy else None
# Behind a proxy only: without one nothing here speaks TLS, and a redirect to it would lead nowhere.
SECURE_SSL_REDIRECT = IS_HTTPS and conf.trusted_proxy
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked from inside, without TLS
SECURE_HSTS_SECONDS = conf.hsts_seconds if IS_HTTPS else 0
# Only this host is ours to speak for: no includeSubDomains (W005), no preload (W021). Without a trusted
# proxy there is no redirect (W008), which our own hookpost.W008 explains.
# axes looks for its middleware by name and misses config.page_middleware.LockOut.
SILENCED_SYSTEM_CHECKS = ["axes.W002", "security.W005", "security.W008", "security.W021"]
USE_X_FORWARDED_HOST = False
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = max(conf.body_limit_bytes, conf.batch_body_limit_bytes) + 65_536

configure_structlog()
LOGGING = logging_settings(level=conf.log_level, form=conf.log_format)

DEFAULT_FROM_EMAIL = SERVER_EMAIL = conf.email_from
globals().update(email_settings(conf.email_url))

REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None}
# Its check does not know the settings that our description is made with; tests/api/test_openapi.py looks instead.
SPECTACULAR_SETTINGS = {"ENABLE_DJANGO_DEPLOY_CHECK": False}
