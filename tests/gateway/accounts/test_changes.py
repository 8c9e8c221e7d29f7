"""What operators change bites within two seconds, on every door."""

import time
from datetime import timedelta

import httpx
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from routerhub.admin.v1 import admin_service_pb2 as pb
from tests.gateway.accounts.conftest import GEMINI, GPT, World
from tests.gateway.callers import DOORS
from tests.gateway.operators import within_two_seconds


def test_disabled_key_ends_within_two_seconds(world: World) -> None:
    team = world.operator.create()
    with team.calling() as caller:
        assert caller.ask("rest", "openai", GPT).ok
        world.operator.ask("DisableAccount", pb.DisableAccountRequest(account=team.account.name))
        within_two_seconds(lambda: caller.ask("rest", "openai", GPT).status == 403)
        assert caller.ask("grpc", "gemini", GEMINI).reason == "KEY_DISABLED"


def test_deleted_key_ends_within_two_seconds(world: World) -> None:
    team = world.operator.create()
    with team.calling() as caller:
        assert caller.ask("rest", "openai", GPT).ok
        world.gateway.routerhub("keys", "delete", team.account.name)
        within_two_seconds(lambda: caller.ask("rest", "openai", GPT).status in (401, 403))
    assert team.account.name not in world.gateway.routerhub("keys", "list")


def test_new_limits_bite_at_once(world: World) -> None:
    team = world.operator.create()
    with team.calling() as caller:
        assert "x-ratelimit-limit-requests" not in caller.ask("rest", "openai", GPT).headers
        world.gateway.routerhub("keys", "update", team.account.name, "--rpm", "1")
        assert [caller.ask("rest", "openai", GPT).status for _ in range(2)] == [200, 429]
        world.gateway.routerhub("keys", "update", team.account.name, "--rpm", "none")
        assert caller.ask("rest", "openai", GPT).ok


def test_new_models_bite_within_two_seconds(world: World) -> None:
    team = world.operator.create()
    with team.calling() as caller:
        assert caller.ask("rest", "openai", GPT).ok
        change = pb.UpdateAccountRequest(
            account=team.account.id,
            values=pb.Account(models=["google/*"]),
            update_mask=FieldMask(paths=["models"]),
        )
        world.operator.ask("UpdateAccount", change)
        within_two_seconds(lambda: caller.ask("rest", "openai", GPT).status == 403)
        assert caller.ask("rest", "gemini", GEMINI).ok


def test_patterns_of_models_decide_what_is_listed_and_made(world: World) -> None:
    team = world.operator.create(models=["google/gemini-3-*"])
    with team.calling() as caller:
        for door in DOORS:
            refused = caller.ask(door, "openai", GPT)
            assert refused.message == "This API key may not use the model 'openai/gpt-image-2'."
            assert caller.ask(door, "gemini", GEMINI).ok
    headers = {"authorization": f"Bearer {team.secret}"}
    listed = httpx.get(f"{world.gateway.http}/v1/models", headers=headers, trust_env=False).json()["data"]
    assert listed
    assert all(model["id"].startswith("google/gemini-3-") for model in listed)


def test_rotated_key_goes_on_for_its_grace_period_beside_the_new_one(world: World) -> None:
    old = world.operator.create(requests_per_minute=100)
    grace = Duration()
    grace.FromTimedelta(timedelta(seconds=3))
    request = pb.RotateKeyRequest(account=old.account.id, grace=grace)
    rotated = world.operator.ask("RotateKey", request)
    end = time.monotonic() + 3
    with old.calling() as before, old.with_key(rotated.secret).calling() as after:
        told = before.ask("rest", "openai", GPT), after.ask("rest", "openai", GPT)
        assert [each.headers["x-ratelimit-remaining-requests"] for each in told] == ["99", "98"]
        assert time.monotonic() < end
        time.sleep(max(0, end - time.monotonic() + 0.05))
        ended = before.ask("rest", "gemini", GEMINI)
        assert (ended.status, ended.reason) == (401, "KEY_EXPIRED")
        assert after.ask("grpc", "gemini", GEMINI).ok
    first, second = rotated.account.keys
    assert first.HasField("expires_at")
    assert not second.HasField("expires_at")
    assert rotated.secret.split("_")[1] == second.id


def test_rotation_without_grace_ends_the_old_key(world: World) -> None:
    old = world.operator.create()
    made = world.gateway.routerhub("keys", "rotate", old.account.name, "--grace", "0")
    with old.calling() as before, old.with_key(made.split()[1]).calling() as after:
        within_two_seconds(lambda: before.ask("rest", "gemini", GEMINI).reason == "KEY_EXPIRED")
        assert after.ask("rest", "gemini", GEMINI).ok
