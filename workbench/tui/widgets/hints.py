"""The last line: the keys that work here, the least important dropped where it is narrow."""

from __future__ import annotations

from rich.text import Text
from textual.app import RenderResult
from textual.binding import Binding
from textual.widget import Widget


class Hints(Widget):
    """Reads the bindings in force, in the order in which they are declared.

    A binding shows while `show` is on; those declared first stay longest.
    """

    DEFAULT_CSS = """
    Hints { dock: bottom; height: 1; background: $panel; color: $foreground; }
    """

    def on_mount(self) -> None:
        """Follow the focus: another widget brings other keys."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, _: object) -> None:
        self.refresh()

    def render(self) -> RenderResult:
        """As many hints as fit, whole ones only."""
        return hint_line(self._shown(), self.size.width, self.app.current_theme.dark)

    def _shown(self) -> list[tuple[str, str]]:
        seen: set[str] = set()
        pairs = []
        for active in self.screen.active_bindings.values():
            binding: Binding = active.binding
            if not binding.show or not active.enabled or binding.action in seen:
                continue
            seen.add(binding.action)
            pairs.append((self.app.get_key_display(binding), binding.description))
        # The app's own keys (help, quit) come after the screen's, as they are declared last.
        return pairs


def hint_line(pairs: list[tuple[str, str]], width: int, dark: bool) -> Text:
    """`key label` pairs in one line of at most `width` columns."""
    line = Text(no_wrap=True, overflow="crop")
    used = 1
    line.append(" ")
    for key, label in pairs:
        length = len(key) + 1 + len(label) + 2
        if used + length > width:
            continue
        line.append(key, style="bold")
        line.append(f" {label}  ", style="dim" if dark else "")
        used += length
    return line
