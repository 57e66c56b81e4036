"""A plain client: REST to make a thread, a socket to talk in it. It keeps the contract."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx

Frame = dict[str, Any]
ENDS = {"run.completed", "run.failed", "run.cancelled"}
PATIENCE_SECONDS = 30


class Conversation:
    """What a thread has told so far, by the contract; and the socket, if there is one."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse | None" = None) -> None:
        self._socket = socket
        self.events: list[Frame] = []
        self.text = ""
        self.growing = ("", 0)

    @property
    def socket(self) -> "aiohttp.ClientWebSocketResponse":
        """The socket."""
        assert self._socket is not None
        return self._socket

    async def frame(self) -> Frame:
        """Wait for the next frame, and take it."""
        return self.take(json.loads(await self.socket.receive_str(timeout=PATIENCE_SECONDS)))

    def take(self, frame: Frame) -> Frame:
        """Take a frame the way the contract says."""
        match frame["type"]:
            case "event":
                self.events.append(frame)
            case "snapshot":
                self.text, self.growing = frame["text"], (frame["run"], frame["attempt"])
            case "delta":
                if (frame["run"], frame["attempt"]) != self.growing:
                    self.text, self.growing = "", (frame["run"], frame["attempt"])
                assert frame["offset"] == len(self.text)
                self.text += frame["text"]
            case _:
                pass
        return frame

    async def until(self, *kinds: str) -> Frame:
        """Take frames until an event of one of these kinds, or a frame of this type."""
        while True:
            frame = await self.frame()
            if frame.get("kind") in kinds or frame["type"] in kinds:
                return frame

    async def say(self, content: str, **more: Any) -> None:
        """Say something."""
        await self.socket.send_json({"type": "send", "content": content, **more})

    async def ask(self, content: str, **more: Any) -> Frame:
        """Say something and wait for the end of its run."""
        self.text = ""
        await self.say(content, **more)
        return await self.until(*ENDS)

    @property
    def last_seq(self) -> int:
        """The seq of the last event that came."""
        return int(self.events[-1]["seq"]) if self.events else 0

    def all(self, kind: str) -> list[Any]:
        """Return the data of all events of a kind."""
        return [event["data"] for event in self.events if event["kind"] == kind]

    @property
    def answer(self) -> str:
        """The newest finished answer."""
        said = [data for data in self.all("message.added") if data["role"] == "assistant"]
        return str(said[-1]["content"])


class Talker:
    """Makes threads, and opens their sockets."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.headers = {"Authorization": f"Bearer {key}"}

    def thread(self, agent: str = "openai") -> str:
        """Start a thread and return its id."""
        body = {"agent": agent}
        made = httpx.post(f"{self.url}/api/v1/threads", json=body, headers=self.headers)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    @contextlib.asynccontextmanager
    async def open(
        self,
        thread: str,
        *,
        after: int | str = 0,
        headers: dict[str, str] | None = None,
        **more: str,
    ) -> AsyncIterator[Conversation]:
        """Open a thread's socket."""
        address = f"{self.url}/ws/threads/{thread}/"
        async with (
            aiohttp.ClientSession(headers=self.headers if headers is None else headers) as session,
            session.ws_connect(
                address, params={"after": str(after), **more}, max_msg_size=0
            ) as socket,
        ):
            yield Conversation(socket)
