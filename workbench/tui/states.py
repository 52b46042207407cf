"""How the states of runs are marked, the same on every screen."""

from __future__ import annotations

# By the word that is shown beside the mark.
MARKS = {
    "queued": "○",
    "preparing": "◌",
    "training": "●",
    "paused": "‖",
    "finished": "✓",
    "collapsed": "!",
    "stopped": "■",
    "failed": "✗",
    "diverged": "✗",
    "crashed": "✗",
    "damaged": "?",
    "deleted": "✗",
}
