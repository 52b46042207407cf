"""What keys are called, and the order in which they are taken."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from textual.app import App, ScreenStackError
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.events import Key, Paste


def with_names(owner: str, bindings: Iterable[BindingType]) -> list[BindingType]:
    """The bindings of a class, each with a name of its own: `TrainScreen`'s is `train.pause`.

    What stands in parentheses is part of the name: `runs.sort_by.1`.
    """
    place = re.sub("(Screen|Dialog)$", "", owner).lower()
    return [
        replace(each, id=".".join([place, *re.findall(r"[\w-]+", each.action)]))
        if isinstance(each, Binding)
        else each
        for each in bindings
    ]


# A screen that is busy for longer gets its keys as they come.
MOST_SECONDS = 1.0
LOOK_SECONDS = 0.02  # between looks whether what is waited for is still there
# A key's own messages and those of its effect; more only while the focus goes on moving.
LEAST_ROUNDS, MOST_ROUNDS = 2, 8


class KeyOrder:
    """Hands keys and pastes to `take`, one after the other."""

    def __init__(self, app: App[Any], take: Callable[[Key | Paste], Awaitable[None]]) -> None:
        self._app, self._take = app, take
        self._keys: deque[Key | Paste] = deque()
        self._settling: asyncio.Task[None] | None = None

    async def arrived(self, key: Key | Paste) -> None:
        """Take a key now, or once its turn has come."""
        self._keys.append(key)
        if self._settling is None:
            await self._take_next()

    async def _take_next(self) -> None:
        if not self._keys:
            return
        await self._take(self._keys.popleft())
        self._settling = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(MOST_SECONDS):
                await self._messages_handled()
        self._settling = None
        self._app.call_later(self._take_next)

    async def _messages_handled(self) -> None:
        """Until what is on its way from the focus up to the app has arrived."""
        for done in range(1, MOST_ROUNDS + 1):
            begun_at = self._focus()
            # Messages go this way, each behind those that were sent before it.
            for node in begun_at.ancestors_with_self:
                await self._reached(node)
            if done >= LEAST_ROUNDS and self._focus() is begun_at:
                return

    def _focus(self) -> DOMNode:
        try:
            return self._app.focused or self._app.screen
        except ScreenStackError:  # the app is leaving
            return self._app

    async def _reached(self, node: DOMNode) -> None:
        """Until a node has handled the messages it has now; at once where it goes away."""
        reached = asyncio.Event()
        waiting = node.call_later(reached.set)
        while waiting and not reached.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(reached.wait(), LOOK_SECONDS)
            waiting = node.is_attached or node is self._app
