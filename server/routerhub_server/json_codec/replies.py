"""How a provider's reply is taken: what is new is skipped and noted, what is wrong is a bad reply."""

from typing import NoReturn

from routerhub_server.errors import UpstreamBadReplyError
from routerhub_server.json_codec.listener import Misfit, Path
from routerhub_server.json_codec.plans import FieldPlan

_MOST_NOTED = 100
_LONGEST_NOTE = 200
_HARMLESS = {Misfit.ENUM_NAME, Misfit.NULL_ELEMENT}


class ReplyErrors:
    """Notes in `unknown` what the walk skips: each place once, without indexes."""

    text_as_numbers = True
    numbers_as_text = True
    single_as_list = True

    def __init__(self, unknown: list[str]) -> None:
        self._unknown = unknown

    def wrong_root(self, value: object) -> NoReturn:
        raise UpstreamBadReplyError("The provider's reply is not a JSON object.", spent="yes")

    def unknown_name(self, parent: Path, name: str) -> None:
        self._note(_dotted([*parent, name]))

    def named_twice(self, parent: Path, name: str) -> None:
        self._note(_dotted([*parent, name]))

    def oneof_taken(self, parent: Path, plan: FieldPlan) -> None:
        self._note(_dotted([*parent, plan.name]))

    def misfit(self, path: Path, plan: FieldPlan, value: object, misfit: Misfit) -> None:
        if misfit not in _HARMLESS:
            raise UpstreamBadReplyError(
                f"The provider's reply does not fit at '{_dotted(path)}'.", spent="yes"
            )
        self._note(f"{_dotted(path)}={value}")

    def _note(self, what: str) -> None:
        what = what[:_LONGEST_NOTE]
        if len(self._unknown) < _MOST_NOTED and what not in self._unknown:
            self._unknown.append(what)


def _dotted(path: Path) -> str:
    return ".".join(segment for segment in path if not segment.startswith("["))
