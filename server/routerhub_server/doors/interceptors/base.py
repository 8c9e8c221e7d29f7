"""One way to stand around every kind of handler."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias

import grpc
import grpc.aio

OURS = "/routerhub."

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class AroundInterceptor(grpc.aio.ServerInterceptor):
    """Enters `around` for the time of each call to one of our services; health and reflection pass by."""

    @asynccontextmanager
    async def around(self, method: str, context: Any) -> AsyncIterator[None]:
        """`method` is the RPC's short name, e.g. `GenerateContent`. Does nothing unless overridden."""
        yield

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        handler = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(OURS):
            return handler
        name = handler_call_details.method.rpartition("/")[2]
        codecs: dict[str, Any] = {
            "request_deserializer": self.deserializer(handler.request_deserializer),
            "response_serializer": handler.response_serializer,
        }
        if not handler.response_streaming:
            return grpc.unary_unary_rpc_method_handler(self.unary(name, handler.unary_unary), **codecs)
        if handler.request_streaming:
            return grpc.stream_stream_rpc_method_handler(self.stream(name, handler.stream_stream), **codecs)
        return grpc.unary_stream_rpc_method_handler(self.stream(name, handler.unary_stream), **codecs)

    def deserializer(self, parse: Any) -> Any:
        """What turns a request's bytes into its message."""
        return parse

    def unary(self, name: str, inner: Any) -> Any:
        """Wrap a handler of one message that answers with one."""

        async def handler(request: Any, context: Any) -> Any:
            async with self.around(name, context):
                return await inner(request, context)

        return handler

    def stream(self, name: str, inner: Any) -> Any:
        """Wrap an async-generator handler; `request` is a message or an iterator of messages."""

        async def handler(request: Any, context: Any) -> AsyncIterator[Any]:
            async with self.around(name, context), aclosing(inner(request, context)) as replies:
                async for reply in replies:
                    yield reply

        return handler
