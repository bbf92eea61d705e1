"""What all REST views share.

What lives here: how a view is entered and left: key, scope, rate, JSON. It must not know any noun.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import override
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from deliveries.api.auth import BearerKey, HasScope, Scope, caller_of
from deliveries.api.describe import DescribedView
from deliveries.api.fields import Shape
from deliveries.api.parsers import StrictJsonParser, refuse_coding
from deliveries.api.problems import QueryError, field_errors, handle
from deliveries.api.rates import Allowance, refuse_if_empty, take_token
from deliveries.api.renderers import AlwaysJson, JsonRenderer
from deliveries.errors import InvalidInput
from deliveries.services.process.shares import HAS_PLACE, requests_and_pages

READ_OR_MANAGE: Mapping[str, str] = {
    "GET": Scope.READ,
    "HEAD": Scope.READ,
    "POST": Scope.MANAGE,
    "PATCH": Scope.MANAGE,
    "DELETE": Scope.MANAGE,
}
REDELIVER: Mapping[str, str] = {"GET": Scope.READ, "HEAD": Scope.READ, "POST": Scope.REDELIVER}

Asked = TypeVar("Asked", bound=Shape)
LISTS = ("GET", "HEAD")
BODIED = ("POST", "PATCH", "DELETE")
CONDITIONS = {  # RFC 9110, 13.1
    "HTTP_IF_MATCH": "If-Match",
    "HTTP_IF_NONE_MATCH": "If-None-Match",
    "HTTP_IF_UNMODIFIED_SINCE": "If-Unmodified-Since",
}


class ApiView(APIView):
    """A view behind an API key. `scopes` names the scope that each method needs.

    `queried` names the methods that read the query, and refuse in it what they do not know; others take none.
    A body is read by POST, PATCH and DELETE; these refuse it themselves where they need none, after 403 and 404.
    """

    authentication_classes = (BearerKey,)
    permission_classes = (HasScope,)
    parser_classes = (StrictJsonParser,)
    renderer_classes = (JsonRenderer,)
    content_negotiation_class = AlwaysJson
    metadata_class = None
    throttle_classes = ()
    versioning_class = None
    schema = DescribedView()
    scopes: ClassVar[Mapping[str, str]] = READ_OR_MANAGE
    queried: ClassVar[Collection[str]] = ()
    allowance: Allowance | None = None

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, object]], Response | None]:
        """Answer with problems, whatever the project around us does with its own views."""
        return handle

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Answer within the caller's share of this process, and in English, whatever language a project speaks."""
        with ExitStack() as self.share, override("en"):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Let the caller in, and count the request."""
        super().initial(request, *args, **kwargs)
        if not hasattr(self, str(request.method).lower()):
            self.http_method_not_allowed(request)
        if not request.META.get(HAS_PLACE):
            self.share.enter_context(requests_and_pages.place(caller_of(request).viewer.customer_id))
        self.allowance = take_token(caller_of(request).key.id)
        if self.allowance is not None:
            refuse_if_empty(self.allowance)
        self._refuse_unread(request)

    def _refuse_unread(self, request: Request) -> None:
        """Refuse what a caller sends and no view would read: who sends it expects something of it."""
        is_bodied = request.method in BODIED
        if request.method == "POST" and "Idempotency-Key" in request.headers:
            raise ParseError("Idempotency-Key is honoured by POST /events and /events/batch; send this without it")
        if is_bodied:
            refuse_condition(request.META)
        if request.method not in self.queried:
            asked(Shape, request)
        refuse_coding(request.META)
        if not is_bodied:
            refuse_body(request)

    def options(self, request: object, *args: object, **kwargs: object) -> Response:
        """Say in Allow which methods there are."""
        return no_content()

    def finalize_response(self, request: Request, response: Response, *args: object, **kwargs: object) -> Response:
        """Tell what is left of the rate, and that answers are not for shared caches."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        if self.allowance is not None:
            for name, value in self.allowance.headers().items():
                answer[name] = value
        return answer


def given(shape: type[Asked], request: Request, *, partial: bool = False) -> dict[str, Any]:
    """Return the checked members of a request's body; with `partial` only those that were given."""
    reader = shape(data=request.data, partial=partial)
    reader.is_valid(raise_exception=True)
    return dict(reader.validated_data)


def refuse_body(request: Request) -> None:
    """Refuse a body that would be ignored: who sends {"dry_run": true} expects something of it."""
    if request.data != {}:
        given(Shape, request)


def refuse_condition(environ: Mapping[str, object]) -> None:
    """Refuse a condition on a change, held against nothing here; but whatever is there fulfils `If-Match: *`."""
    for variable, name in CONDITIONS.items():
        if variable in environ and (name != "If-Match" or str(environ[variable]).strip() != "*"):
            raise ParseError(f"{name} is honoured by no change; send this without it")


def asked(shape: type[Asked], request: Request, *, also: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the checked parameters of a query; raises QueryError, also for one that is not known."""
    query = request.query_params
    twice = [name for name in query if len(query.getlist(name)) > 1]
    if twice:
        raise QueryError([{"pointer": f"/{name}", "detail": "given twice"} for name in twice])
    reader = shape(data={name: value for name, value in query.items() if name not in also})
    if not reader.is_valid():
        raise QueryError(field_errors(reader.errors))
    return dict(reader.validated_data)


@contextmanager
def in_query() -> Iterator[None]:
    """Tell what a service refuses about a parameter as a mistake in the query."""
    try:
        yield
    except InvalidInput as error:
        raise QueryError([{"pointer": f"/{error.field}", "detail": error.detail}]) from error


def created(request: Request, body: Mapping[str, object], ref: str) -> Response:
    """Return 201 with the address of what was made below the list that it was posted to."""
    place = request.build_absolute_uri(f"{request.path}/{quote(ref)}")
    return Response(body, status=201, headers={"Location": place})


def no_content() -> Response:
    """Return 204."""
    return Response(status=204)
