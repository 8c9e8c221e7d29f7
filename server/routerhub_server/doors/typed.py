"""The typed door: the gRPC contract itself."""

from typing import Any

from routerhub.images.v1.gemini_pb2 import (
    GenerateContentRequest,
    GenerateContentResponse,
    GetModelRequest,
    ListModelsRequest,
    ListModelsResponse,
    Model,
)
from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceServicer
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse
from routerhub_server.calls import current_call
from routerhub_server.catalogue.listing import google_model, google_page
from routerhub_server.doors.replies import typed_headers, typed_trailer
from routerhub_server.doors.uploads import weigh
from routerhub_server.pipeline import Pipeline
from routerhub_server.settings import LimitSettings


class ImageGenerationService(ImageGenerationServiceServicer):
    def __init__(self, pipeline: Pipeline, limits: LimitSettings) -> None:
        self._pipeline = pipeline
        self._limits = limits

    async def GenerateContent(self, request: GenerateContentRequest, context: Any) -> GenerateContentResponse:
        await typed_headers(context)
        weigh(request.ByteSize(), self._limits)
        result = await self._pipeline.generate(current_call.get(), "gemini", request)
        typed_trailer(context)
        response: GenerateContentResponse = result.with_image().message
        return response

    async def GenerateImages(self, request: GenerateImagesRequest, context: Any) -> GenerateImagesResponse:
        await typed_headers(context)
        weigh(request.ByteSize(), self._limits)
        result = await self._pipeline.generate(current_call.get(), "openai", request)
        typed_trailer(context)
        response: GenerateImagesResponse = result.with_image().message
        return response

    async def ListModels(self, request: ListModelsRequest, context: Any) -> ListModelsResponse:
        models = self._pipeline.gemini_models(current_call.get())
        return google_page(models, request.page_size, request.page_token)

    async def GetModel(self, request: GetModelRequest, context: Any) -> Model:
        return google_model(self._pipeline.gemini_model(current_call.get(), request.name))
