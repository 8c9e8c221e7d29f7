"""Who hears of what does not fit, and what can be wrong with a value."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol

from routerhub_server.json_codec.plans import FieldPlan

Path = Sequence[str]
"""Proto names from the root, with `[2]` for an element of a list and `[2].value` for a value of a map."""


class Misfit(Enum):
    TYPE = auto()
    RANGE = auto()
    BASE64 = auto()
    ENUM_NAME = auto()
    NOT_A_LIST = auto()
    NOT_A_MAP = auto()
    NULL_ELEMENT = auto()


class MisfitError(ValueError):
    """Raised by the readers of single values; the walk turns it into a call of the listener."""

    def __init__(self, misfit: Misfit) -> None:
        super().__init__(misfit.name)
        self.misfit = misfit


class Lenience(Protocol):
    text_as_numbers: bool
    """Whether `"40"` will do for 40, as the proto3 JSON mapping has it."""
    numbers_as_text: bool
    """Whether 40 will do for `"40"`."""
    single_as_list: bool
    """Whether one value will do for a list of one, as Google's parser has it."""


class ErrorListener(Lenience, Protocol):
    """Hears of everything that does not fit. A method that returns lets the walk skip the matter."""

    def wrong_root(self, value: object) -> None:
        """The body is JSON, but no object."""

    def unknown_name(self, parent: Path, name: str) -> None: ...

    def named_twice(self, parent: Path, name: str) -> None:
        """`name` is the second spelling of a field that is there already."""

    def oneof_taken(self, parent: Path, plan: FieldPlan) -> None:
        """Another member of the field's oneof is there already."""

    def misfit(self, path: Path, plan: FieldPlan, value: object, misfit: Misfit) -> None: ...
