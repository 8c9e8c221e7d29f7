"""The REST door: the vendors' HTTP APIs, arriving from Envoy as HttpBody streams."""

from collections.abc import AsyncIterator
from typing import Any

from google.api.httpbody_pb2 import HttpBody

from routerhub.images.v1.rest_service_pb2 import RestGetModelRequest, RestListModelsRequest
from routerhub.images.v1.rest_service_pb2_grpc import RestServiceServicer
from routerhub_server.calls import current_call
from routerhub_server.doors import listing, paths
from routerhub_server.doors.metadata import Metadata, interface_of
from routerhub_server.doors.replies import send_json
from routerhub_server.doors.uploads import Uploads, content_request, images_request
from routerhub_server.pipeline import Pipeline


class RestService(RestServiceServicer):
    def __init__(self, pipeline: Pipeline, uploads: Uploads) -> None:
        self._pipeline = pipeline
        self._uploads = uploads

    async def GenerateContent(self, request_iterator: Any, context: Any) -> AsyncIterator[HttpBody]:
        # The JSON has no name here: it goes as soon as it is decoded, minutes before the image is there.
        request = content_request(await self._uploads.collect(request_iterator, Metadata.of(context)))
        result = await self._pipeline.generate(current_call.get(), "gemini", request)
        # An answer without an image is Google's own 200 here, with its finishReason.
        async for piece in send_json(context, result.reply.body):
            yield piece

    async def GenerateImages(self, request_iterator: Any, context: Any) -> AsyncIterator[HttpBody]:
        request = images_request(await self._uploads.collect(request_iterator, Metadata.of(context)))
        result = await self._pipeline.generate(current_call.get(), "openai", request)
        async for piece in send_json(context, result.with_image().body, listing.OPENAI_HEADERS):
            yield piece

    async def ListModels(self, request: RestListModelsRequest, context: Any) -> AsyncIterator[HttpBody]:
        metadata, call = Metadata.of(context), current_call.get()
        if interface_of(metadata.path, metadata) == "gemini":
            body = listing.google_list(self._pipeline.gemini_models(call), metadata.query)
        else:
            body = listing.openai_list(self._pipeline.models(call))
        async for piece in send_json(context, body):
            yield piece

    async def GetModel(self, request: RestGetModelRequest, context: Any) -> AsyncIterator[HttpBody]:
        metadata, call = Metadata.of(context), current_call.get()
        paths.refuse_verb(request.name)
        if interface_of(metadata.path, metadata) == "gemini":
            body = listing.google_one(self._pipeline.gemini_model(call, request.name))
        else:
            body = listing.openai_one(self._pipeline.listed_model(call, request.name))
        async for piece in send_json(context, body):
            yield piece

    async def Unmatched(self, request_iterator: Any, context: Any) -> AsyncIterator[HttpBody]:
        metadata = Metadata.of(context)
        paths.refuse(metadata.verb, metadata.path)
        yield HttpBody()  # never reached: `refuse` raises; a generator needs a yield
