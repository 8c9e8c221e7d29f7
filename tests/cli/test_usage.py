"""`routerhub usage`, `receipt` and `receipts`, over a ledger of the test's own."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from routerhub_server.cli import routerhub
from routerhub_server.ledger import AttemptEnd, Failure, receipts
from tests.ledger.house import CENT, Place, open_house, paid


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """Team a: one image for 4 cents and one that timed out; team b: one at a price that is not known."""

    async def fill() -> None:
        async with open_house(Place(tmp_path, None)) as house:
            a, b = await house.account("a"), await house.account("b")
            await house.render(a, 4 * CENT)
            failed = await house.admit(a)
            await house.ledger.start_attempt(failed.request_id, 1, "openai", "gpt")
            end = AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible")
            await house.ledger.fail(failed.request_id, Failure("UPSTREAM_TIMEOUT"), end)
            unpriced = await house.admit(b, estimate=None)
            await house.ledger.start_attempt(unpriced.request_id, 1, "gemini", "m")
            await house.ledger.succeed(unpriced.request_id, paid(None))
            await house.ledger.fail((await house.admit(b)).request_id, Failure("OVERLOADED"))

    asyncio.run(fill())
    return tmp_path


def run(state_dir: Path, *arguments: str) -> str:
    result = CliRunner().invoke(routerhub, [*arguments, "--state-dir", str(state_dir)])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_table_names_accounts_and_exact_money(state_dir: Path) -> None:
    assert run(state_dir, "usage").splitlines() == [
        "NAME  REQUESTS  ATTEMPTS  IMAGES  SPENT     POSSIBLE  UNPRICED",
        "a     2         2         1       0.04 USD  0.1 USD   0",
        "b     2         1         1       0 USD     0 USD     1",
    ]


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("model", ["google/gemini-3-pro-image"]),
        ("day", [f"{datetime.now(UTC):%Y-%m-%d}"]),
        ("upstream", ["", "gemini", "openai"]),
    ],
)
def test_json_groups_by_what_is_asked_for(state_dir: Path, by: str, keys: list[str]) -> None:
    rows = json.loads(run(state_dir, "usage", "--by", by, "--format", "json"))
    assert [row[by] for row in rows] == keys
    assert sum(row["attempts"] for row in rows) == 3
    assert {row["currency"] for row in rows} == {"USD"}


def test_csv_has_every_kind_of_token(state_dir: Path) -> None:
    first, second = read_csv(run(state_dir, "usage", "--format", "csv"))
    assert (first["name"], first["text_in"], first["image_out"]) == ("a", "10", "1120")
    assert (first["spent"], first["possible"], second["unpriced"]) == ("0.04", "0.1", "1")


def test_times_and_account_are_kept_to(state_dir: Path) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"

    def found(*options: str) -> list[tuple[str, int]]:
        rows: list[dict[str, Any]] = json.loads(run(state_dir, "usage", "--format", "json", *options))
        return [(row["name"], row["requests"]) for row in rows]

    assert found("--since", "1h", "--until", tomorrow) == [("a", 2), ("b", 2)]
    assert found("--account", "b") == [("b", 2)]
    assert found("--since", tomorrow) == found("--until", "1h") == []


def test_export_has_a_line_for_each_attempt_and_each_request_without_one(state_dir: Path) -> None:
    rows = read_csv(run(state_dir, "receipts"))
    assert [(row["account"], row["state"], row["upstream"], row["spent"], row["cost"]) for row in rows] == [
        ("a", "succeeded", "gemini", "yes", "0.04"),
        ("a", "failed_spent", "openai", "possible", "0.1"),
        ("b", "succeeded", "gemini", "yes", ""),
        ("b", "failed_free", "", "no", ""),
    ]
    assert [row["flags"] for row in rows] == ["", "estimated", "unpriced", ""]


def test_json_export_has_a_line_for_each_request(state_dir: Path) -> None:
    lines = [json.loads(line) for line in run(state_dir, "receipts", "--format", "json").splitlines()]
    assert [(line["account"], len(line["attempts"])) for line in lines] == [
        ("a", 1),
        ("a", 1),
        ("b", 1),
        ("b", 0),
    ]
    assert lines[0] == json.loads(run(state_dir, "receipt", lines[0]["request_id"], "--json"))


def test_export_goes_on_over_many_pages(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "PAGE", 1)
    assert len(run(state_dir, "receipts", "--format", "json").splitlines()) == 4


def test_receipt_in_words(state_dir: Path) -> None:
    ids = [row["request_id"] for row in read_csv(run(state_dir, "receipts"))]
    good, failed, unpriced, free = [run(state_dir, "receipt", id_) for id_ in ids]
    assert "cost       0.04 USD\n" in good
    assert "state      failed_spent UPSTREAM_TIMEOUT\n" in failed
    assert "cost       0.1 USD, possible\n" in failed
    assert "cost       at a price that is not known\n" in unpriced
    assert "cost       nothing was charged\n" in free


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["receipt", "nobody"], "routerhub: there is no receipt of the request 'nobody'\n"),
        (["usage", "--account", "x"], "routerhub: there is no account with the id or name 'x'\n"),
        (["receipts", "--account", "x"], "routerhub: there is no account with the id or name 'x'\n"),
    ],
)
def test_what_is_not_there_is_one_line(state_dir: Path, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(routerhub, [*arguments, "--state-dir", str(state_dir)])
    assert (result.exit_code, result.stderr) == (2, said)


@pytest.mark.parametrize("arguments", [["usage"], ["receipts"], ["receipt", "x"], ["admin-tokens", "list"]])
def test_mistyped_state_dir_is_not_made(tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(routerhub, [*arguments, "--state-dir", str(tmp_path / "tpyo")])
    assert result.exit_code == 2
    assert "there is no state directory" in result.stderr
    assert not (tmp_path / "tpyo").exists()


def test_admin_tokens_are_made_listed_and_deleted(tmp_path: Path) -> None:
    made = run(tmp_path, "admin-tokens", "create", "--name", "billing")
    assert made.startswith("admin-token rha_")
    token_id, secret = made.split("_")[1:3]
    listed = run(tmp_path, "admin-tokens", "list")
    assert f"{token_id}  billing  " in listed
    assert secret not in listed
    assert run(tmp_path, "admin-tokens", "delete", token_id) == f"deleted {token_id}\n"
    assert token_id not in run(tmp_path, "admin-tokens", "list")
