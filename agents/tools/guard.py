"""Requests to addresses that a model chose: only to the public network, however they are written.

The addresses that a name stands for are checked where the connection is made, so that nothing can
be swapped between the check and the use; each redirect is a new request.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from agents.errors import ToolError

if TYPE_CHECKING:
    import aiohttp

MOST_REDIRECTS = 5
MOST_URL = 2_000
CHUNK = 65_536
REDIRECTS = frozenset({301, 302, 303, 307, 308})
AGENT = "Parley (a self-hosted assistant)"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYWHERE: tuple[Network, ...] = (
    ipaddress.IPv4Network("0.0.0.0/0"),
    ipaddress.IPv6Network("::/0"),
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave. `cut` tells that there was more than was wanted."""

    url: str
    status: int
    content_type: str
    charset: str
    body: bytes
    cut: bool


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may be called, and how much is taken.

    Attributes:
        networks: Networks that are not public and may be called all the same.
        seconds: For a request with all its redirects.
        most_bytes: Of a body, unpacked.
    """

    networks: tuple[Network, ...] = ()
    seconds: float = 20.0
    most_bytes: int = 2_000_000

    def allows(self, address: str) -> bool:
        """Tell whether an IP address may be called."""
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return all(_is_public(each) or self._is_named(each) for each in _meanings(found))

    def _is_named(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

    async def get(
        self,
        url: str,
        *,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Fetched:
        """Get what is at an address.

        Args:
            url: Where; http or https.
            params: What to ask, added to the address.
            headers: Sent with it; not to another host that it leads on to.

        Raises:
            ToolError: It may not be called, or gave nothing in time. The sentence says why.
        """
        async with self._session(url) as session:
            return await self._follow(session, url, params=params, headers=headers or {})

    async def post(self, url: str, body: bytes, *, headers: dict[str, str]) -> Fetched:
        """Send something to an address; where it leads on to is not followed.

        Args:
            url: Where; http or https.
            body: What is sent.
            headers: Sent with it.

        Raises:
            ToolError: It may not be called, or gave nothing in time. The sentence says why.
        """
        self._check(url)
        async with (
            self._session(url) as session,
            session.post(
                url, data=body, headers={"User-Agent": AGENT} | headers, allow_redirects=False
            ) as response,
        ):
            return await self._taken(response)

    @asynccontextmanager
    async def _session(self, url: str) -> "AsyncIterator[aiohttp.ClientSession]":
        """Give a session that reaches only who may be called, for a while; say what went wrong."""
        import aiohttp  # noqa: PLC0415  (for those who call somebody)

        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_resolver(self), force_close=True, family=socket.AF_UNSPEC
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        try:
            async with asyncio.timeout(self.seconds), session:
                yield session
        except TimeoutError:
            msg = f"{_host(url)} did not answer within {self.seconds:g} s."
            raise ToolError(msg) from None
        except aiohttp.ClientError as error:
            cause: BaseException | None = error
            while cause is not None:
                if isinstance(cause, Refused):
                    raise ToolError(str(cause)) from error
                cause = cause.__cause__ or cause.__context__
            msg = f"{_host(url)} can't be reached: {str(error) or type(error).__name__}."
            raise ToolError(msg) from error

    async def _follow(
        self,
        session: "aiohttp.ClientSession",
        url: str,
        *,
        params: dict[str, str] | None,
        headers: dict[str, str],
    ) -> Fetched:
        first = _host(url)
        for _ in range(MOST_REDIRECTS + 1):
            self._check(url)
            sent = {"User-Agent": AGENT} | (headers if _host(url) == first else {})
            async with session.get(
                url, params=params, headers=sent, allow_redirects=False
            ) as response:
                target = response.headers.get("Location")
                if response.status not in REDIRECTS or not target:
                    return await self._taken(response)
                url, params = urljoin(str(response.url), target), None
        msg = f"{_host(url)} leads on and on: more than {MOST_REDIRECTS} redirects."
        raise ToolError(msg)

    def _check(self, url: str) -> None:
        """Refuse what is no address of the web, or names one that may not be called."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            msg = f"{url[:200]!r} is no address: {error}."
            raise ToolError(msg) from error
        if parts.scheme not in {"http", "https"} or not host or len(url) > MOST_URL:
            msg = f"{url[:200]!r} can't be fetched: only addresses that begin with http or https."
            raise ToolError(msg)
        if parts.username or parts.password:
            msg = "Addresses with a name or a password in them are not fetched."
            raise ToolError(msg)
        if port == 0:
            msg = "There is no port 0."
            raise ToolError(msg)
        if _is_address(host) and not self.allows(host):
            raise ToolError(str(Refused(host)))

    async def _taken(self, response: "aiohttp.ClientResponse") -> Fetched:
        body = bytearray()
        cut = False
        async for chunk in response.content.iter_chunked(CHUNK):
            body += chunk
            if len(body) > self.most_bytes:
                cut = True
                break
        if cut:
            response.close()
        return Fetched(
            url=str(response.url),
            status=response.status,
            content_type=response.content_type,
            charset=response.charset or "",
            body=bytes(body[: self.most_bytes]),
            cut=cut,
        )


class Refused(OSError):
    """A name stands for an address that may not be called."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not on the public network: it may not be fetched.")


def _resolver(guard: Guard) -> "aiohttp.abc.AbstractResolver":
    """Return a resolver that gives only addresses that may be called."""
    import aiohttp  # noqa: PLC0415  (for those who call somebody)

    class Resolver(aiohttp.ThreadedResolver):
        async def resolve(  # type: ignore[explicit-override]
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list["aiohttp.abc.ResolveResult"]:
            found = await super().resolve(host, port, family)
            public = [each for each in found if guard.allows(each["host"])]
            if len(public) < len(found):  # one that is not public is no accident
                raise Refused(host)
            return public

    return Resolver()


def _meanings(address: Address) -> Sequence[Address]:
    """Return an address with those that are written inside it."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address, *filter(None, [address.sixtofour]), *(address.teredo or ())]


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url[:100]
    except ValueError:
        return url[:100]
