"""Static files under addresses that name their contents, compressed once for each process.

What lives here: `/static/0a1b2c3d4e5f/unfold/css/styles.css`, where the digits stand for all that the packages have in
that folder, so that references inside of it hold and only a changed folder gets another address; and the answers. Files
come from the packages as they are installed: nothing is collected anywhere. It must not know who asks.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Literal, cast, overload
from urllib.parse import urlsplit
from wsgiref.headers import Headers

from django.conf import settings
from django.contrib.staticfiles.finders import AppDirectoriesFinder, BaseFinder
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import Response, StaticFile

DIGITS = 12
HASHED = re.compile(rf"(?:^|(?<=/))[0-9a-f]{{{DIGITS}}}/")
TEXTS = (".css", ".js", ".svg", ".json", ".html", ".txt", ".map")
YEAR_SECONDS = 365 * 24 * 60 * 60


class PackageFiles(FileSystemStorage):
    """One folder of one package, with the digits before it."""

    def __init__(self, location: str, prefix: str) -> None:
        super().__init__(location=location)
        self.prefix = prefix


class HashedFinder(BaseFinder):
    """Finds files of the packages by their addresses with digits; whichever digits."""

    def check(self, **kwargs: object) -> list[CheckMessage]:
        """Find nothing wrong: there is nothing to set."""
        return []

    @overload
    def find(self, path: str, find_all: Literal[False] = False) -> str | None: ...
    @overload
    def find(self, path: str, find_all: Literal[True]) -> list[str]: ...
    def find(self, path: str, find_all: bool = False) -> str | list[str] | None:
        """Return where a file is, or nothing."""
        plain = HASHED.sub("", path, count=1)
        if plain == path:
            return []
        packages = AppDirectoriesFinder()
        return packages.find(plain, find_all=True) if find_all else packages.find(plain)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        """List all files, each with a storage that knows its digits."""
        for path, storage in AppDirectoriesFinder().list(ignore_patterns):
            yield path, PackageFiles(storage.location, digits_of(folder_of(path)))


class HashedAddresses(StaticFilesStorage):
    """Writes addresses with digits; while debugging, when files change under a running process, without."""

    def url(self, name: str | None) -> str:
        """Return the address of a file."""
        name = name or ""
        return super().url(name if settings.DEBUG else f"{digits_of(folder_of(name))}/{name}")


def folder_of(path: str) -> str:
    """Return the first folder of a path, which is a package's own."""
    return path.replace("\\", "/").partition("/")[0]


@lru_cache(maxsize=64)
def digits_of(folder: str) -> str:
    """Return digits for the names and contents of all files in a folder; changes show when the process starts anew."""
    found: dict[str, str] = {}
    for path, storage in AppDirectoriesFinder().list(None):
        if folder_of(path) == folder:
            found.setdefault(path, storage.path(path))
    digest = blake2b(digest_size=DIGITS // 2)
    for path in sorted(found):
        content = Path(found[path]).read_bytes()
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


class Packed:
    """A text file, which is compressed when it is first asked for; the result is kept."""

    def __init__(self, file: StaticFile) -> None:
        self._file = file

    def get_response(self, method: str, request_headers: dict[str, str]) -> Response:
        """Answer with the compressed form where the caller takes it and wants the whole."""
        response = self._file.get_response(method, request_headers)
        wanted = "gzip" in request_headers.get("HTTP_ACCEPT_ENCODING", "") and "HTTP_RANGE" not in request_headers
        if not wanted or response.status != 200:
            return response
        if response.file is not None:
            response.file.close()
        headers = Headers(list(response.headers))
        headers["Content-Encoding"], headers["Content-Length"] = "gzip", str(len(self._packed))
        return Response(response.status, headers.items(), BytesIO(self._packed) if response.file else None)

    @cached_property
    def _packed(self) -> bytes:
        path = self._file.get_path_and_headers({})[0]
        return gzip.compress(Path(path).read_bytes(), compresslevel=9, mtime=0)


PACKAGED: dict[str, StaticFile | Packed] = {}


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no types
    """Middleware: static files, for a year where the address has the digits of what is there."""

    FOREVER = YEAR_SECONDS

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer; digits of another release get what is here, for a minute."""
        if request.path_info.startswith(self.static_prefix) and request.path_info not in self.files:
            plain = HASHED.sub("", request.path_info, count=1)
            if (file := self.files.get(plain)) is not None:
                return cast(HttpResponseBase, self.serve(file, request))
        return cast(HttpResponseBase, super().__call__(request))

    def add_files_from_finders(self) -> None:
        """List the packages' files, once for each process: packages do not change under it."""
        if not PACKAGED:
            super().add_files_from_finders()
            PACKAGED.update(self.files)
        self.files: dict[str, StaticFile | Packed] = PACKAGED

    def get_static_file(self, path: str, url: str, stat_cache: object = None) -> StaticFile | Packed:
        """Return the file, packed where it is a text."""
        file = super().get_static_file(path, url, stat_cache=stat_cache)
        return Packed(file) if url.endswith(TEXTS) else file

    def add_mime_headers(self, headers: Headers, path: str, url: str) -> None:
        """Say what it is, and that it depends on what the caller takes."""
        super().add_mime_headers(headers, path, url)
        if url.endswith(TEXTS):
            headers["Vary"] = "Accept-Encoding"

    def immutable_file_test(self, path: str, url: str) -> bool:
        """Say whether what is behind an address can never change."""
        found = HASHED.search(urlsplit(url).path)
        return bool(found and found[0].rstrip("/") == digits_of(folder_of(url[found.end() :])))
