"""The exception of images that cannot be part of a data set."""

from bench.errors import one_line


class UnusableImage(Exception):
    """An image that cannot be part of the data set. The message is one line that says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))
