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

from routerhub_server.cli.keys import keys
from routerhub_server.cli.times import expiry


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
        (["update", "web", "--expires", "2020-01-01"], "routerhub: the expiry is in the past\n"),
        (["show", "nobody"], "routerhub: there is no account with the id or name 'nobody'\n"),
        (["rotate", "nobody"], "routerhub: there is no account with the id or name 'nobody'\n"),
        (["delete", "nobody"], "routerhub: there is no account with the id or name 'nobody'\n"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    run(tmp_path, "create", "--name", "web")
    result = run(tmp_path, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", said)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        *([command, "web"] for command in ("show", "disable", "update", "rotate", "delete")),
    ],
)
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


MANY = (
    *("--models", "google/*", "--models", "openai/gpt-image-2,openai/gpt-image-1.5"),
    *("--rpm", "60", "--images-per-minute", "20", "--concurrent", "5", "--body-bytes", "20M"),
    *("--budget", "50.5/month", "--model-limit", "openai/*:rpm=5,images-per-minute=3"),
)


def shown(state_dir: Path, name: str = "web") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(state_dir, "show", name, "--json").stdout)
    return found


def test_limits_are_shown_as_they_were_given(tmp_path: Path) -> None:
    assert run(tmp_path, "create", "--name", "web", *MANY).exit_code == 0
    found = shown(tmp_path)
    assert found["models"] == ["google/*", "openai/gpt-image-2", "openai/gpt-image-1.5"]
    names = ("rpm", "images_per_minute", "concurrent", "body_bytes")
    assert [found[name] for name in names] == [60, 20, 5, 20 * 1024 * 1024]
    assert found["model_limits"] == {"openai/*": {"rpm": 5, "images_per_minute": 3}}
    assert found["budget"] == {
        "period": "month",
        "currency": "USD",
        "amount": "50.5",
        "spent": "0",
        "possible": "0",
        "reserved": "0",
    }
    assert found["provider_ids_allowed"] is None
    assert [key.keys() for key in found["keys"]] == [{"id", "created_at", "expires_at"}]


def test_show_says_it_in_words(tmp_path: Path) -> None:
    made = run(tmp_path, "create", "--name", "web", *MANY)
    words = run(tmp_path, "show", "web").stdout
    assert "models    google/*, openai/gpt-image-2, openai/gpt-image-1.5\n" in words
    assert (
        "limits    60 requests a minute, 20 images a minute, 5 renders at once, "
        "requests of 20,971,520 bytes\n"
        "          openai/*: 5 requests a minute, 3 images a minute\n"
    ) in words
    assert "budget    50.5 USD a month, 50.5 USD left\n" in words
    assert made.stdout.split("_")[2] not in words


def test_account_without_limits_says_so(tmp_path: Path) -> None:
    run(tmp_path, "create", "--name", "web")
    words = run(tmp_path, "show", "web").stdout
    assert re.findall(r"^(?:models|limits|budget) +(.*)$", words, re.MULTILINE) == ["all", "none", "none"]


def test_update_changes_what_is_named_alone(tmp_path: Path) -> None:
    run(tmp_path, "create", "--name", "web", "--expires", "2999-12-31", *MANY)
    before = shown(tmp_path)
    result = run(tmp_path, "update", "web", "--rpm", "7", "--budget", "2/day", "--provider-ids")
    assert result.exit_code == 0, result.stderr
    after = shown(tmp_path)
    assert (after.pop("rpm"), after.pop("provider_ids_allowed")) == (7, True)
    assert after.pop("budget") | {"amount": "2", "period": "day"} == before.pop("budget") | {
        "amount": "2",
        "period": "day",
    }
    assert after == {name: value for name, value in before.items() if name in after}


def test_none_removes_a_limit(tmp_path: Path) -> None:
    run(tmp_path, "create", "--name", "web", "--expires", "2999-12-31", *MANY)
    bounds = ("--rpm", "--images-per-minute", "--concurrent", "--body-bytes", "--budget", "--expires")
    given = [word for bound in bounds for word in (bound, "none")]
    run(tmp_path, "update", "web", *given, "--models", "*", "--model-limit", "openai/*:none")
    words = run(tmp_path, "show", "web").stdout
    found = re.findall(r"^(?:expires|models|limits|budget) +(.*)$", words, re.MULTILINE)
    assert found == ["never", "all", "none", "none"]


def test_rename_keeps_the_key_and_the_id(tmp_path: Path) -> None:
    run(tmp_path, "create", "--name", "web")
    before = shown(tmp_path)
    run(tmp_path, "update", "web", "--name", "shop")
    assert shown(tmp_path, "shop") == before | {"name": "shop"}


def test_rotate_prints_the_key_alone_on_standard_output(tmp_path: Path) -> None:
    run(tmp_path, "create", "--name", "web")
    result = run(tmp_path, "rotate", "web", "--grace", "2h")
    assert re.fullmatch(r"api-key rh_\w{12}_\w{43}_\w{6}\n", result.stdout)
    assert "The older keys of 'web' end at" in result.stderr
    old, new = shown(tmp_path)["keys"]
    left = datetime.fromisoformat(old["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < left <= timedelta(hours=2)
    assert new["id"] == result.stdout.split("_")[1]
    assert new["expires_at"] is None


def test_deleted_account_is_gone_and_its_name_free(tmp_path: Path) -> None:
    run(tmp_path, "create", "--name", "web")
    assert run(tmp_path, "delete", "web").stdout.startswith("deleted 'web' (id ")
    assert listed(tmp_path) == []
    assert run(tmp_path, "show", "web").exit_code == 2
    assert run(tmp_path, "create", "--name", "web").exit_code == 0


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--rpm", "0", "'0' is not a positive number, or none"),
        ("--rpm", "-5", "'-5' is not a positive number, or none"),
        ("--concurrent", "many", "'many' is not a positive number, or none"),
        ("--body-bytes", "20X", "'20X' is not a size like 20000000, 500k, 20M, or none"),
        ("--budget", "50", "'50' is not a budget like 50/month"),
        ("--budget", "50/year", "'50/year' is not a budget like 50/month"),
        ("--budget", "-1/month", "'-1/month' is not a budget like 50/month"),
        ("--budget", "0.0000000001/month", "is not a budget like 50/month"),
        ("--model-limit", "openai/*", "'openai/*' is not like 'openai/*:rpm=5"),
        ("--model-limit", "openai/*:rps=5", "'openai/*:rps=5' is not like"),
        ("--model-limit", "openai/*:rpm=0", "'openai/*:rpm=0' is not like"),
        ("--model-limit", ":rpm=5", "':rpm=5' is not like"),
    ],
)
def test_unreadable_limit_is_refused(tmp_path: Path, option: str, value: str, said: str) -> None:
    result = run(tmp_path, "create", "--name", "web", f"{option}={value}")
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not (tmp_path / "routerhub.db").exists()


def test_pattern_with_a_blank_is_refused(tmp_path: Path) -> None:
    """They separate patterns in the database."""
    result = run(tmp_path, "create", "--name", "web", "--models", "google/* openai/*")
    assert (result.exit_code, result.stderr) == (
        2,
        "routerhub: 'google/* openai/*' is not a pattern of model ids such as google/*\n",
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
