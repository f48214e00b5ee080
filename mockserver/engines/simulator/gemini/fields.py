"""The messages of a client as tables of fields (gemini.md#7, gemini.md#10; google-genai, google/genai/types.py)."""

from __future__ import annotations

from mockserver.engines.simulator.gemini.proto import (
    EnumType,
    InService,
    InVersions,
    Itself,
    Kind,
    ListOf,
    MapOf,
    MessageType,
)

ALPHA = ("v1alpha", "v1beta1")
"""AI Studio has these fields in v1alpha alone (gemini.md#9), Vertex in its beta."""

MODALITIES = EnumType("Modality", ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"))
LEVELS = EnumType("ThinkingLevel", ("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"))
BEHAVIORS = EnumType("Behavior", ("UNSPECIFIED", "BLOCKING", "NON_BLOCKING"))
SCHEDULING = EnumType("Scheduling", ("SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"))
HANDLING = EnumType(
    "ActivityHandling", ("ACTIVITY_HANDLING_UNSPECIFIED", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION")
)
COVERAGE = EnumType(
    "TurnCoverage",
    (
        *("TURN_COVERAGE_UNSPECIFIED", "TURN_INCLUDES_ONLY_ACTIVITY", "TURN_INCLUDES_ALL_INPUT"),
        "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
    ),
)
TYPES = EnumType("Type", ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"))
RESOLUTIONS = EnumType(
    "MediaResolution",
    (
        *("MEDIA_RESOLUTION_UNSPECIFIED", "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"),
        "MEDIA_RESOLUTION_ULTRA_HIGH",
    ),
)
SPEECH_START = EnumType(
    "StartSensitivity", ("START_SENSITIVITY_UNSPECIFIED", "START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW")
)
SPEECH_END = EnumType("EndSensitivity", ("END_SENSITIVITY_UNSPECIFIED", "END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW"))
ANY = MessageType("Empty")

SCHEMA_FIELDS: dict[str, Kind] = {
    **dict.fromkeys(("format", "title", "description", "pattern", "ref"), "string"),
    **dict.fromkeys(("nullable",), "bool"),
    **dict.fromkeys(("maxItems", "minItems", "minProperties", "maxProperties", "minLength", "maxLength"), "int64"),
    **dict.fromkeys(("minimum", "maximum"), "float"),
    **dict.fromkeys(("default", "example"), "any"),
    "type": TYPES,
    "enum": ListOf("string"),
    "items": Itself(),
    "anyOf": ListOf(Itself()),
    "properties": MapOf(Itself()),
    "required": ListOf("string"),
    "propertyOrdering": ListOf("string"),
    "defs": MapOf(Itself()),
}
SCHEMA = MessageType("Schema", SCHEMA_FIELDS)

BLOB = MessageType("Blob", {"data": "bytes", "mimeType": "string", "displayName": "string"})
FUNCTION_CALL = MessageType(
    "FunctionCall",
    {
        "id": "string",
        "name": "string",
        "args": "struct",
        **dict.fromkeys(("partialArgs", "willContinue"), InService("any", vertex=True)),
    },
)
ABOUT = ("audioMetadata", "documentMetadata", "mediaProcessing", "spreadsheetMetadata")
"""What a part may say of its file."""
RESPONSE_PART = MessageType(
    "FunctionResponsePart",
    {
        "inlineData": BLOB,
        **dict.fromkeys(("fileData", "videoMetadata", "mediaResolution", *ABOUT), "any"),
    },
)
FUNCTION_RESPONSE = MessageType(
    "FunctionResponse",
    {
        "id": "string",
        "name": "string",
        "response": "any",  # an object; anything else is refused in other words (gemini.md#45)
        "scheduling": SCHEDULING,
        "willContinue": InService("bool", vertex=False),
        "parts": ListOf(RESPONSE_PART),
    },
)
PART = MessageType(
    "Part",
    {
        "text": "string",
        "thought": "bool",
        "thoughtSignature": "bytes",
        "inlineData": BLOB,
        "functionCall": FUNCTION_CALL,
        "functionResponse": FUNCTION_RESPONSE,
        **dict.fromkeys(
            ("fileData", "executableCode", "codeExecutionResult", "videoMetadata", "mediaResolution"),
            "struct",
        ),
        **dict.fromkeys(("audioTranscription", "speechMetadata", *ABOUT), "any"),
        **dict.fromkeys(("partMetadata", "toolCall", "toolResponse"), InService("struct", vertex=False)),
    },
)
CONTENT = MessageType("Content", {"role": "string", "parts": ListOf(PART)})

FUNCTION = MessageType(
    "FunctionDeclaration",
    {
        "name": "string",
        "description": "string",
        "parameters": SCHEMA,
        "parametersJsonSchema": "any",
        "response": SCHEMA,
        "responseJsonSchema": "any",
        "behavior": BEHAVIORS,
    },
)
TOOL = MessageType(
    "Tool",
    {
        "functionDeclarations": ListOf(FUNCTION),
        **dict.fromkeys(
            (*("googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "googleMaps", "computerUse"),),
            "struct",
        ),
        "mcpServers": ListOf("struct"),
        **dict.fromkeys(
            ("enterpriseWebSearch", "retrieval", "parallelAiSearch", "exaAiSearch"), InService("struct", vertex=True)
        ),
        "fileSearch": InService("struct", vertex=False),
    },
)
TRANSCRIPTION = MessageType(
    "AudioTranscriptionConfig",
    {
        "languageCodes": ListOf("string"),
        "languageAuto": "struct",
        "languageHints": "struct",
        "customVocabulary": ListOf("string"),
        "adaptationPhrases": ListOf("string"),
        "wordTimestamp": "bool",
        "diarization": "bool",
        "mode": "string",
    },
)
THINKING = MessageType("ThinkingConfig", {"includeThoughts": "bool", "thinkingBudget": "int", "thinkingLevel": LEVELS})
GENERATION = MessageType(
    "GenerationConfig",
    {
        "responseModalities": ListOf(MODALITIES),
        "speechConfig": MessageType(
            "SpeechConfig",
            {"voiceConfig": "struct", "languageCode": "string", "multiSpeakerVoiceConfig": "struct"},
        ),
        "thinkingConfig": THINKING,
        "mediaResolution": RESOLUTIONS,
        "enableAffectiveDialog": InVersions("bool", ALPHA),
        "translationConfig": "struct",
        "responseSchema": SCHEMA,
        "responseMimeType": "string",
        "stopSequences": ListOf("string"),
        **dict.fromkeys(("candidateCount", "maxOutputTokens", "seed", "logprobs"), "int"),
        **dict.fromkeys(("temperature", "topP", "topK", "presencePenalty", "frequencyPenalty"), "float"),
        **dict.fromkeys(("responseLogprobs", "audioTimestamp"), "bool"),
        "enableEnhancedCivicAnswers": InService("bool", vertex=False),
        "responseJsonSchema": "any",
        **dict.fromkeys(("audioTranscriptionConfig", "modelSelectionConfig", "responseFormat", "routingConfig"), "any"),
    },
)
DETECTION = MessageType(
    "AutomaticActivityDetection",
    {
        "disabled": "bool",
        "startOfSpeechSensitivity": SPEECH_START,
        "endOfSpeechSensitivity": SPEECH_END,
        "prefixPaddingMs": "int",
        "silenceDurationMs": "int",
    },
)
SETUP = MessageType(
    "BidiGenerateContentSetup",
    {
        "model": "string",
        "generationConfig": GENERATION,
        "systemInstruction": CONTENT,
        "tools": ListOf(TOOL),
        "realtimeInputConfig": MessageType(
            "RealtimeInputConfig",
            {
                "automaticActivityDetection": DETECTION,
                "activityHandling": HANDLING,
                "turnCoverage": COVERAGE,
                "interimTranscriptTimestampEnabled": "bool",
            },
        ),
        "sessionResumption": MessageType(
            "SessionResumptionConfig", {"handle": "string", "transparent": InService("bool", vertex=True)}
        ),
        "contextWindowCompression": MessageType(
            "ContextWindowCompressionConfig",
            {"triggerTokens": "int64", "slidingWindow": MessageType("SlidingWindow", {"targetTokens": "int64"})},
        ),
        "inputAudioTranscription": TRANSCRIPTION,
        "outputAudioTranscription": TRANSCRIPTION,
        "proactivity": InVersions(
            MessageType("ProactivityConfig", {"proactiveAudio": "bool", "proactiveVideo": "bool"}), ALPHA
        ),
        "explicitVadSignal": InService("bool", vertex=True),
        "historyConfig": MessageType("HistoryConfig", {"initialHistoryInClientContent": "bool"}),
        "translationConfig": "struct",
        "avatarConfig": "struct",
        "safetySettings": ListOf("struct"),
        "labels": InService("struct", vertex=False),
    },
)
"""gemini.md#10."""
MESSAGE = MessageType(
    "BidiGenerateContentClientMessage",
    {
        "setup": SETUP,
        "clientContent": MessageType(
            "BidiGenerateContentClientContent", {"turns": ListOf(CONTENT), "turnComplete": "bool"}
        ),
        "realtimeInput": MessageType(
            "BidiGenerateContentRealtimeInput",
            {
                "mediaChunks": ListOf(BLOB),
                "audio": BLOB,
                "video": BLOB,
                "text": "string",
                "audioStreamEnd": InService("bool", vertex=False),
                "activityStart": ANY,
                "activityEnd": ANY,
            },
        ),
        "toolResponse": MessageType(
            "BidiGenerateContentToolResponse", {"functionResponses": ListOf(FUNCTION_RESPONSE)}
        ),
        "contextUpdate": MessageType(
            "BidiGenerateContentContextUpdate",
            {"systemInstruction": CONTENT, "tools": MessageType("Tools", {"tools": ListOf(TOOL)})},
        ),
    },
    oneof=("setup", "clientContent", "realtimeInput", "toolResponse", "contextUpdate"),
    given="message_type",
)
"""One of these at a time (gemini.md#7)."""
