"""The upstreams: the only room that speaks to providers. An adapter knows its wire format and no policy."""
