"""The Envoy that `routerhub up` runs in front of the server, on the project's own envoy.yaml."""

from routerhub_server.envoy.process import EnvoyError, EnvoyProcess

__all__ = ["EnvoyError", "EnvoyProcess"]
