"""Ctrl-C and SIGTERM as one exception, which can be told from a KeyboardInterrupt that a method raises.

SLURM, Kubernetes, `docker stop` and `timeout` end jobs by SIGTERM.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HANDLED = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """The process received a signal to stop.

    Attributes:
        status: the exit status that shells use for the signal: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.status = 128 + number


_last: list[Interrupted] = []


def _raise(number: int, frame: FrameType | None) -> None:
    del frame
    _last[:] = [Interrupted(number)]
    raise _last[0]


def install() -> None:
    """Raise `Interrupted` on HANDLED signals. Libraries such as Ray replace handlers, so it is called after them.

    A signal that is ignored stays ignored, as under `nohup`. Outside the main thread nothing can be installed.
    """
    if threading.current_thread() is threading.main_thread():
        for number in _heeded():
            signal.signal(number, _raise)


def interrupt_main_thread() -> None:
    """Raise `Interrupted` in the main thread, from another one. No effect if all HANDLED signals are ignored."""
    for number in _heeded()[:1]:
        signal.pthread_kill(threading.main_thread().ident or 0, number)


def _heeded() -> list[signal.Signals]:
    return [number for number in HANDLED if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def handled() -> Iterator[None]:
    """Raise `Interrupted` on HANDLED signals inside the block, and restore the handlers after it."""
    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in HANDLED} if main else {}
    _last.clear()
    install()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def interrupted() -> bool:
    """Whether a signal has been received since `handled` began."""
    return bool(_last)


def status() -> int:
    """Return the exit status of the last signal; that of Ctrl-C if there was none."""
    return _last[0].status if _last else Interrupted().status
