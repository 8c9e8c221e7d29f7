"""A Vertex AI of our own, with the token service that service accounts turn to."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt

from tests.fakes.fields import integer, number, text
from tests.fakes.gemini import FakeGemini, bad_key, error, no_such_page
from tests.fakes.gemini_fields import REQUEST
from tests.fakes.server import Answer, Received, json_answer

_PATH = re.compile(
    r"/v1beta1/(?:projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/)?"
    r"publishers/google/models/(?P<model>[^/:?]+):(?P<method>generateContent|countTokens)"
)
_AUDIENCE = "https://oauth2.googleapis.com/token"
"""Of every claim, whatever address it is sent to."""
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def _vertex_fields() -> dict[str, Any]:
    """The Developer API's request, with Vertex AI's own fields and without those that it lacks."""
    part = dict(REQUEST["contents"][0]["parts"][0])
    for name in ("toolCall", "toolResponse", "partMetadata"):
        del part[name]
    content = {**REQUEST["contents"][0], "parts": [part]}
    config = {**REQUEST["generationConfig"], "topK": number, "audioTimestamp": lambda v: v in (True, False)}
    del config["enableEnhancedCivicAnswers"]
    config["imageConfig"] = {
        **config["imageConfig"],
        "personGeneration": text,
        "prominentPeople": text,
        "imageOutputOptions": {"mimeType": text, "compressionQuality": integer},
    }
    config["responseFormat"] = [config["responseFormat"]]
    fields = {**REQUEST, "contents": [content], "systemInstruction": content, "generationConfig": config}
    del fields["store"]
    return fields | {
        "safetySettings": [{**REQUEST["safetySettings"][0], "method": text}],
        "modelArmorConfig": {"promptTemplateName": text, "responseTemplateName": text},
    }


VERTEX_REQUEST = _vertex_fields()


class FakeVertex(FakeGemini):
    """One project in one location; its token service trusts one service account."""

    def __init__(self, project: str = "proj-1", location: str = "us-central1") -> None:
        super().__init__("vertex-express-key")
        self.project, self.location = project, location
        self.tokens: list[str] = []
        """Issued so far; the last one is valid."""
        self.lifetime = 3600
        """Seconds that a token lasts."""
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.account = "renderer@proj-1.iam.gserviceaccount.com"

    @property
    def generations(self) -> list[Received]:
        """The requests that were not for a token."""
        return [request for request in self.requests if request.path != "/token"]

    def write_service_account(self, file: Path) -> Path:
        pem = self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        account = {
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": "1",
            "private_key": pem.decode(),
            "client_email": self.account,
            "token_uri": f"{self.url}/token",
        }
        file.write_text(json.dumps(account))
        return file

    def respond(self, request: Received) -> Answer:
        if request.path == "/token":
            return self._token(request)
        path = _PATH.fullmatch(request.path)
        if path is None or request.method != "POST":
            return no_such_page()
        refusal = self._credentials_refusal(request, express=path["project"] is None)
        if refusal is None and path["project"] not in (None, self.project):
            refusal = error(403, "PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied")
        if refusal is None and path["location"] not in (None, self.location):
            refusal = error(
                404, "NOT_FOUND", f"Publisher Model `{path['model']}` was not found in this location."
            )
        if refusal is not None:
            return refusal
        if path["method"] == "countTokens":
            return self._count(path["model"])
        return self._generate(path["model"], request, VERTEX_REQUEST)

    def _generate(self, model: str, request: Received, spec: dict[str, Any]) -> Answer:
        answer = super()._generate(model, request, spec)
        if answer.status == 200 and any("role" not in turn for turn in request.json["contents"]):
            return error(400, "INVALID_ARGUMENT", "Please use a valid role: user, model.")
        return answer

    def _count(self, model: str) -> Answer:
        if not model.startswith("gemini-"):
            return error(404, "NOT_FOUND", f"Publisher Model `{model}` was not found.")
        return json_answer(200, {"totalTokens": 1, "totalBillableCharacters": 5})

    def _credentials_refusal(self, request: Received, *, express: bool) -> Answer | None:
        if express:
            return None if request.headers.get("x-goog-api-key") == self.key else bad_key()
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens and token == self.tokens[-1]:
            return None
        return error(401, "UNAUTHENTICATED", f"Request had invalid authentication credentials: {token}")

    def _token(self, request: Received) -> Answer:
        """RFC 7523, as Google has it: a signed claim against an access token."""
        form = parse_qs(request.body.decode())
        if form.get("grant_type") != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
            return json_answer(400, {"error": "unsupported_grant_type"})
        public = self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        try:
            decode: Any = jwt.decode  # untyped
            claims = decode(form["assertion"][0], certs=public, audience=_AUDIENCE)
        except ValueError as refusal:
            return json_answer(400, {"error": "invalid_grant", "error_description": str(refusal)})
        if claims["iss"] != self.account or claims["scope"] != _SCOPE:
            return json_answer(400, {"error": "invalid_grant", "error_description": "Not the account."})
        self.tokens.append(f"token-{len(self.tokens) + 1}-of-the-fake")
        issued = {"access_token": self.tokens[-1], "expires_in": self.lifetime, "token_type": "Bearer"}
        return json_answer(200, issued)
