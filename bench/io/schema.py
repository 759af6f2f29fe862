"""Types of what stands in documents, and the check of a document against them."""

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from bench.errors import short
from bench.io.untrusted import Malformed


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has control characters")
    return text


NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # of methods and all else that becomes part of file names and tables
Name = Annotated[str, StringConstraints(pattern=rf"^{NAME}$", max_length=100)]
Label = Annotated[str, StringConstraints(pattern=r"^\w[^`<>&\\]*$", max_length=500), AfterValidator(_printable)]
Line = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_printable)]
Hash = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$")]
Whole = Annotated[int, Field(ge=0, lt=2**53)]
Number = Annotated[float, Field(ge=-1e300, le=1e300)]
Value = bool | Annotated[int, Field(gt=-(2**53), lt=2**53)] | Number | Label | None


class StrictModel(BaseModel):
    """Strict about what it names; more may be there."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


M = TypeVar("M", bound=StrictModel)


def validate(value: Any, model: type[M], origin: object) -> M:
    """Validate what a document of bench.run holds.

    Raises:
        Malformed: `value` does not match `model`; the message names the first difference.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:80]
        said = f"{where + ' ' if where else ''}= {short(first['input'])[:80]}: {first['msg'].lower()[:120]}"
        raise Malformed(origin, f"is not what bench.run writes: {said}; remove it") from None
