"""Each action's name, by which the user's configuration can give it other keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from textual.binding import Binding, BindingType


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
