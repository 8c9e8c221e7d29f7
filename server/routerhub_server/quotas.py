"""Where an account stands with its limits, as reply headers."""

from collections.abc import Sequence

from routerhub_server.errors import Quota

HEADERS = {"requests": "requests", "images": "images"}
"""The limits that OpenAI's own `x-ratelimit-*` headers speak of; the others are ours alone."""


def quota_headers(quotas: Sequence[Quota]) -> dict[str, str]:
    """`x-ratelimit-{limit,remaining,reset}-{requests,images}`, of the tightest limit of each kind."""
    headers: dict[str, str] = {}
    for subject, name in HEADERS.items():
        tightest = min((q for q in quotas if q.subject == subject), key=lambda q: q.remaining, default=None)
        if tightest is not None:
            headers[f"x-ratelimit-limit-{name}"] = str(tightest.limit)
            headers[f"x-ratelimit-remaining-{name}"] = str(tightest.remaining)
            headers[f"x-ratelimit-reset-{name}"] = f"{tightest.reset:g}s"
    return headers
