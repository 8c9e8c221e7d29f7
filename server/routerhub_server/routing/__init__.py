"""Which upstream is asked, how often, and what a failure means for the next: the policy around adapters."""

from routerhub_server.routing.breaker import Breaker
from routerhub_server.routing.chain import Answer, Chain, Rendered, Verdict
from routerhub_server.routing.journey import Attempt, Journey
from routerhub_server.routing.link import Link
from routerhub_server.routing.pool import Pool

__all__ = ["Answer", "Attempt", "Breaker", "Chain", "Journey", "Link", "Pool", "Rendered", "Verdict"]
