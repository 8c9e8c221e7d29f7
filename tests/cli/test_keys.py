import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from routerhub_server.cli.keys import expiry, keys


def run(state_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(keys, [*arguments, "--state-dir", str(state_dir)])


def listed(state_dir: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(state_dir, "list", "--json").stdout)
    return found


def test_create_prints_the_key_alone_on_standard_output(tmp_path: Path) -> None:
    result = run(tmp_path, "create", "--name", "web")
    assert result.exit_code == 0
    assert re.fullmatch(r"api-key rh_\w{12}_\w{43}_\w{6}\n", result.stdout)
    assert "'web'" in result.stderr
    assert "never expires" in result.stderr
    assert "rh_" not in result.stderr


def test_create_as_json_names_key_and_expiry(tmp_path: Path) -> None:
    result = run(tmp_path, "create", "--name", "web", "--expires", "2999-12-31", "--json")
    created = json.loads(result.stdout)
    assert created.keys() == {"id", "name", "key", "expires_at"}
    assert created["name"] == "web"
    assert created["key"].startswith("rh_")
    assert created["expires_at"] == "2999-12-31T00:00:00Z"
    assert not result.stderr


def test_list_shows_every_account_and_no_key(tmp_path: Path) -> None:
    made = [
        run(tmp_path, "create", "--name", "web", "--expires", "2999-12-31"),
        run(tmp_path, "create", "--name", "nightly builds"),
    ]
    run(tmp_path, "disable", "nightly builds")
    result = run(tmp_path, "list")
    heads, web, nightly = result.stdout.splitlines()
    assert heads.split() == ["ID", "NAME", "CREATED", "EXPIRES", "STATE"]
    created_at = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert re.fullmatch(rf"\w{{32}}  web             {created_at}  2999-12-31 00:00 UTC  active", web)
    assert re.fullmatch(rf"\w{{32}}  nightly builds  {created_at}  never                 disabled", nightly)
    for created in made:
        key = created.stdout.split()[1]
        assert not any(part in result.stdout for part in key.split("_")[1:])


def test_list_as_json_says_the_state(tmp_path: Path) -> None:
    run(tmp_path, "create", "--name", "web")
    run(tmp_path, "create", "--name", "ci")
    run(tmp_path, "disable", listed(tmp_path)[1]["id"])
    web, ci = listed(tmp_path)
    assert (web["name"], web["state"], web["disabled_at"]) == ("web", "active", None)
    assert (ci["name"], ci["state"]) == ("ci", "disabled")
    assert ci["disabled_at"].endswith("Z")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["disable", "nobody"], "routerhub: there is no account with the id or name 'nobody'\n"),
        (
            ["create", "--name", "web"],
            "routerhub: the name 'web' is taken; disable its account first\n",
        ),
        (["create", "--name", "w", "--expires", "2020-01-01"], "routerhub: the expiry is in the past\n"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    run(tmp_path, "create", "--name", "web")
    result = run(tmp_path, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", said)


@pytest.mark.parametrize("arguments", [["list"], ["disable", "web"]])
def test_mistyped_state_dir_is_not_made(tmp_path: Path, arguments: list[str]) -> None:
    result = run(tmp_path / "tpyo", *arguments)
    assert result.exit_code == 2
    assert "there is no state directory" in result.stderr
    assert not (tmp_path / "tpyo").exists()


def test_broken_state_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "routerhub.db").write_text("nonsense " * 1000)
    result = run(tmp_path, "list")
    assert result.exit_code == 2
    path = tmp_path / "routerhub.db"
    assert result.stderr == (
        f"routerhub: {path}: it is not a SQLite database; move it away or restore a backup\n"
    )


def read(value: str) -> datetime:
    context = click.Context(keys)
    moment = expiry(context, click.Option(["--expires"]), value)
    assert moment is not None
    return moment


@pytest.mark.parametrize(
    ("value", "lasts"),
    [("90d", timedelta(days=90)), ("12h", timedelta(hours=12)), ("30m", timedelta(minutes=30))],
)
def test_expiry_counts_from_now(value: str, lasts: timedelta) -> None:
    before = datetime.now(UTC)
    assert before + lasts <= read(value) <= datetime.now(UTC) + lasts


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2030-12-31", datetime(2030, 12, 31, tzinfo=UTC)),
        ("2030-12-31T12:30", datetime(2030, 12, 31, 12, 30, tzinfo=UTC)),
        ("2030-12-31T12:30+02:00", datetime(2030, 12, 31, 10, 30, tzinfo=UTC)),
    ],
)
def test_expiry_dates_are_in_utc(value: str, moment: datetime) -> None:
    assert read(value) == moment


@pytest.mark.parametrize("value", ["", "90", "1y", "-1d", "tomorrow", "2030-13-01", "9" * 30 + "d", "1.5h"])
def test_unreadable_expiry_is_refused(value: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time like 90d"):
        read(value)


def test_commands_work_in_a_process_of_their_own(tmp_path: Path) -> None:
    def routerhub(*arguments: str) -> str:
        command = [sys.executable, "-m", "routerhub_server", "keys", *arguments, "--state-dir", str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    assert routerhub("create", "--name", "web").startswith("api-key rh_")
    routerhub("disable", "web")
    assert routerhub("list").splitlines()[1].endswith("disabled")
