"""Tables from strangers: Arrow's extension types, which may run code, are never built."""

import io

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.io.tables import parse_parquet
from bench.io.untrusted import Malformed

NAMED = {b"ARROW:extension:name": b"test.spy", b"ARROW:extension:metadata": b"a pickle"}
NUMBERS = pa.list_(pa.float64())


class Spy(pa.ExtensionType):
    """Stands for Ray's tensor types, which unpickle their metadata while a schema is built."""

    built = 0

    def __init__(self) -> None:
        super().__init__(pa.float64(), "test.spy")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, serialized: bytes) -> "Spy":
        cls.built += 1
        raise TypeError("not caught by pyarrow.ArrowException")


@pytest.fixture
def spy(monkeypatch):
    pa.register_extension_type(Spy())
    monkeypatch.setattr(Spy, "built", 0)
    yield Spy
    pa.unregister_extension_type("test.spy")


def parquet(field: pa.Field, metadata: dict[bytes, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table([pa.nulls(2, field.type)], pa.schema([field], metadata)), buffer)
    return buffer.getvalue()


PLAIN = pa.field("step", pa.float64())
MARKED = pa.field("item", pa.float64(), metadata=NAMED)
FILES = {  # written while no such type is registered, as by a stranger
    "a column": parquet(PLAIN.with_metadata(NAMED)),
    "within a list": parquet(pa.field("step", pa.list_(MARKED))),
    "within a structure": parquet(pa.field("step", pa.struct([MARKED]))),
    "the schema itself": parquet(PLAIN, NAMED),
    "a value of the schema": parquet(PLAIN, {b"other": b"ARROW:extension:name"}),
}


@pytest.mark.parametrize("where", FILES)
def test_an_extension_type_is_refused_and_never_built(where, spy):
    with pytest.raises(Malformed, match="names an Arrow extension type"):
        parse_parquet(FILES[where], "history.parquet")
    assert spy.built == 0


def test_arrow_itself_would_build_it(spy):
    """Otherwise the test above would prove nothing."""
    with pytest.raises(TypeError):
        pq.ParquetFile(io.BytesIO(FILES["a column"]))
    assert spy.built == 1


def test_whatever_the_reader_raises_is_one_line(monkeypatch):
    def read(*_: object) -> None:
        raise TypeError("a\nb")

    monkeypatch.setattr(pq, "ParquetFile", read)
    with pytest.raises(Malformed, match=r"^history.parquet is not a table of training rows \(a\)$"):
        parse_parquet(b"", "history.parquet")


def test_rows_come_back_as_they_were_written():
    frame = pd.DataFrame(
        {
            "step": [1, 2],
            "loss": [0.5, float("nan")],
            "extractor": ["inception", None],
            "resumed": [True, False],
            "missing": [None, None],
        }
    )
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    pd.testing.assert_frame_equal(parse_parquet(buffer.getvalue(), "rows").to_pandas(), frame)
