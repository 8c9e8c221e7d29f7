"""The sandbox upstream: pictures without a provider."""

from routerhub_server.upstreams.sandbox.upstream import SandboxSettings, SandboxUpstream, sandbox_upstream

__all__ = ["SandboxSettings", "SandboxUpstream", "sandbox_upstream"]
