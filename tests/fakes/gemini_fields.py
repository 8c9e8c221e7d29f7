"""The Developer API's request, field by field, as its public proto and its SDKs have it. Names are camelCase:
the API takes snake_case too, we never send it."""

from typing import Any

from tests.fakes.fields import (
    Lazy,
    any_object,
    anything,
    base64,
    boolean,
    duration,
    integer,
    number,
    one_of,
    prefixed,
    text,
)

_BLOB = {"mimeType": text, "data": base64, "displayName": text}
_FILE_DATA = {"mimeType": text, "fileUri": text, "displayName": text}

_PART = {
    "text": text,
    "inlineData": _BLOB,
    "fileData": _FILE_DATA,
    "functionCall": {"id": text, "name": text, "args": any_object},
    "functionResponse": {
        "id": text,
        "name": text,
        "response": any_object,
        "parts": [{"inlineData": _BLOB, "fileData": _FILE_DATA}],
        "willContinue": boolean,
        "scheduling": one_of("SILENT", "WHEN_IDLE", "INTERRUPT"),
    },
    "executableCode": {"language": one_of("PYTHON"), "code": text, "id": text},
    "codeExecutionResult": {
        "outcome": prefixed("OUTCOME_", "OK", "FAILED", "DEADLINE_EXCEEDED"),
        "output": text,
        "id": text,
    },
    "toolCall": {"id": text, "toolType": text, "args": any_object},
    "toolResponse": {"id": text, "toolType": text, "response": any_object},
    "thought": boolean,
    "thoughtSignature": base64,
    "videoMetadata": {"startOffset": duration, "endOffset": duration, "fps": number, "contentLayers": [text]},
    "mediaResolution": {
        "level": prefixed("MEDIA_RESOLUTION_", "LOW", "MEDIUM", "HIGH", "ULTRA_HIGH"),
        "numTokens": integer,
    },
    "partMetadata": any_object,
    "mediaProcessing": one_of("STATIC", "AGENTIC"),
}

_CONTENT = {"parts": [_PART], "role": one_of("user", "model")}

_SCHEMA: dict[str, Any] = {
    "type": one_of("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"),
    "format": text,
    "title": text,
    "description": text,
    "nullable": boolean,
    "enum": [text],
    "items": Lazy(lambda: _SCHEMA),
    "maxItems": text,
    "minItems": text,
    "properties": any_object,
    "required": [text],
    "minProperties": text,
    "maxProperties": text,
    "minimum": number,
    "maximum": number,
    "minLength": text,
    "maxLength": text,
    "pattern": text,
    "example": anything,
    "anyOf": [Lazy(lambda: _SCHEMA)],
    "propertyOrdering": [text],
    "default": anything,
}

SIZE_NAMES = {
    "IMAGE_SIZE_FIVE_TWELVE": "512",
    "IMAGE_SIZE_ONE_K": "1K",
    "IMAGE_SIZE_TWO_K": "2K",
    "IMAGE_SIZE_FOUR_K": "4K",
}
RATIO_NAMES = {
    "ASPECT_RATIO_ONE_BY_ONE": "1:1",
    "ASPECT_RATIO_TWO_BY_THREE": "2:3",
    "ASPECT_RATIO_THREE_BY_TWO": "3:2",
    "ASPECT_RATIO_THREE_BY_FOUR": "3:4",
    "ASPECT_RATIO_FOUR_BY_THREE": "4:3",
    "ASPECT_RATIO_FOUR_BY_FIVE": "4:5",
    "ASPECT_RATIO_FIVE_BY_FOUR": "5:4",
    "ASPECT_RATIO_NINE_BY_SIXTEEN": "9:16",
    "ASPECT_RATIO_SIXTEEN_BY_NINE": "16:9",
    "ASPECT_RATIO_TWENTY_ONE_BY_NINE": "21:9",
    "ASPECT_RATIO_ONE_BY_EIGHT": "1:8",
    "ASPECT_RATIO_EIGHT_BY_ONE": "8:1",
    "ASPECT_RATIO_ONE_BY_FOUR": "1:4",
    "ASPECT_RATIO_FOUR_BY_ONE": "4:1",
}

_RESPONSE_FORMAT = {
    "image": {
        # Apps send either spelling here.
        "aspectRatio": one_of(*RATIO_NAMES, *RATIO_NAMES.values()),
        "imageSize": one_of(*SIZE_NAMES, *SIZE_NAMES.values()),
        "mimeType": text,
        "delivery": one_of("INLINE", "URI"),
    },
    "text": any_object,
    "audio": any_object,
    "video": any_object,
}

_GENERATION_CONFIG = {
    "temperature": number,
    "topP": number,
    "topK": integer,
    "candidateCount": integer,
    "maxOutputTokens": integer,
    "stopSequences": [text],
    "seed": integer,
    "presencePenalty": number,
    "frequencyPenalty": number,
    "responseLogprobs": boolean,
    "logprobs": integer,
    "responseModalities": [one_of("TEXT", "IMAGE", "AUDIO")],
    "responseMimeType": text,
    "responseSchema": _SCHEMA,
    "responseJsonSchema": anything,
    "responseJsonSchemaOrdered": anything,
    "speechConfig": any_object,
    "thinkingConfig": {
        "includeThoughts": boolean,
        "thinkingBudget": integer,
        "thinkingLevel": one_of(
            "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH", "minimal", "low", "medium", "high"
        ),
    },
    "mediaResolution": prefixed("MEDIA_RESOLUTION_", "LOW", "MEDIUM", "HIGH"),
    "imageConfig": {
        "aspectRatio": one_of(*RATIO_NAMES.values()),
        "imageSize": one_of(*SIZE_NAMES.values()),
    },
    "responseFormat": _RESPONSE_FORMAT,
    "enableEnhancedCivicAnswers": boolean,
}

_SAFETY_SETTING = {
    "category": prefixed(
        "HARM_CATEGORY_",
        "HARASSMENT",
        "HATE_SPEECH",
        "SEXUALLY_EXPLICIT",
        "DANGEROUS_CONTENT",
        "CIVIC_INTEGRITY",
        "JAILBREAK",
        "IMAGE_HATE",
        "IMAGE_DANGEROUS_CONTENT",
        "IMAGE_HARASSMENT",
        "IMAGE_SEXUALLY_EXPLICIT",
    ),
    "threshold": one_of(
        "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF"
    ),
}

_INTERVAL = {"startTime": text, "endTime": text}

_TOOL = {
    "functionDeclarations": [
        {
            "name": text,
            "description": text,
            "parameters": _SCHEMA,
            "parametersJsonSchema": anything,
            "response": _SCHEMA,
            "responseJsonSchema": anything,
            "behavior": one_of("BLOCKING", "NON_BLOCKING"),
        }
    ],
    "googleSearchRetrieval": any_object,
    "codeExecution": {},
    "googleSearch": {"searchTypes": {"webSearch": {}, "imageSearch": {}}, "timeRangeFilter": _INTERVAL},
    "computerUse": any_object,
    "urlContext": {},
    "fileSearch": any_object,
    "googleMaps": any_object,
    "mcpServers": [any_object],
}

_TOOL_CONFIG = {
    "functionCallingConfig": {
        "mode": one_of("AUTO", "ANY", "NONE", "VALIDATED"),
        "allowedFunctionNames": [text],
    },
    "retrievalConfig": {"latLng": {"latitude": number, "longitude": number}, "languageCode": text},
    "includeServerSideToolInvocations": boolean,
}

REQUEST: dict[str, Any] = {
    "contents": [_CONTENT],
    "systemInstruction": _CONTENT,
    "generationConfig": _GENERATION_CONFIG,
    "safetySettings": [_SAFETY_SETTING],
    "tools": [_TOOL],
    "toolConfig": _TOOL_CONFIG,
    "cachedContent": text,
    "labels": any_object,
    "serviceTier": one_of("unspecified", "flex", "standard", "priority"),
    "store": boolean,
    "continuationToken": base64,
}
