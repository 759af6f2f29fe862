"""Sizes on disk."""

import pytest

from bench.io import disk


@pytest.mark.parametrize(("size", "shown"), [(0, "0 kB"), (4096, "4.1 kB"), (2_500_000, "2.5 MB"), (10**10, "10 GB")])
def test_sizes_in_words(size, shown):
    assert disk.format_bytes(size) == shown
