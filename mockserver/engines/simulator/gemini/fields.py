"""The messages of a client as tables of fields (gemini.md#7, gemini.md#10; google-genai, google/genai/types.py)."""

from __future__ import annotations

from mockserver.engines.simulator.gemini.proto import Enum, Itself, Kind, Many, Message, Named, Only

ALPHA = ("v1alpha", "v1beta1")
"""AI Studio has these fields in v1alpha alone (gemini.md#9), Vertex in its beta."""

MODALITIES = Enum("Modality", ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"))
LEVELS = Enum("ThinkingLevel", ("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"))
BEHAVIORS = Enum("Behavior", ("UNSPECIFIED", "BLOCKING", "NON_BLOCKING"))
SCHEDULING = Enum("Scheduling", ("SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"))
HANDLING = Enum(
    "ActivityHandling", ("ACTIVITY_HANDLING_UNSPECIFIED", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION")
)
COVERAGE = Enum(
    "TurnCoverage",
    (
        *("TURN_COVERAGE_UNSPECIFIED", "TURN_INCLUDES_ONLY_ACTIVITY", "TURN_INCLUDES_ALL_INPUT"),
        "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
    ),
)
TYPES = Enum("Type", ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"))
RESOLUTIONS = Enum(
    "MediaResolution",
    (
        *("MEDIA_RESOLUTION_UNSPECIFIED", "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"),
        "MEDIA_RESOLUTION_ULTRA_HIGH",
    ),
)
SPEECH_START = Enum(
    "StartSensitivity", ("START_SENSITIVITY_UNSPECIFIED", "START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW")
)
SPEECH_END = Enum("EndSensitivity", ("END_SENSITIVITY_UNSPECIFIED", "END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW"))
ANY = Message("Empty")

SCHEMA_FIELDS: dict[str, Kind] = {
    **dict.fromkeys(("format", "title", "description", "pattern", "ref"), "string"),
    **dict.fromkeys(("nullable",), "bool"),
    **dict.fromkeys(("maxItems", "minItems", "minProperties", "maxProperties", "minLength", "maxLength"), "int64"),
    **dict.fromkeys(("minimum", "maximum"), "float"),
    **dict.fromkeys(("default", "example"), "any"),
    "type": TYPES,
    "enum": Many("string"),
    "items": Itself(),
    "anyOf": Many(Itself()),
    "properties": Named(Itself()),
    "required": Many("string"),
    "propertyOrdering": Many("string"),
    "defs": Named(Itself()),
}
SCHEMA = Message("Schema", SCHEMA_FIELDS)

BLOB = Message("Blob", {"data": "bytes", "mimeType": "string", "displayName": "string"})
FUNCTION_CALL = Message("FunctionCall", {"id": "string", "name": "string", "args": "struct"})
RESPONSE_PART = Message("FunctionResponsePart", {"inlineData": BLOB, "fileData": "struct"})
FUNCTION_RESPONSE = Message(
    "FunctionResponse",
    {
        "id": "string",
        "name": "string",
        "response": "any",  # an object; anything else is refused in other words (gemini.md#45)
        "scheduling": SCHEDULING,
        "willContinue": "bool",
        "parts": Many(RESPONSE_PART),
    },
)
PART = Message(
    "Part",
    {
        "text": "string",
        "thought": "bool",
        "thoughtSignature": "bytes",
        "inlineData": BLOB,
        "functionCall": FUNCTION_CALL,
        "functionResponse": FUNCTION_RESPONSE,
        **dict.fromkeys(
            ("fileData", "executableCode", "codeExecutionResult", "videoMetadata", "mediaResolution", "partMetadata"),
            "struct",
        ),
    },
)
CONTENT = Message("Content", {"role": "string", "parts": Many(PART)})

FUNCTION = Message(
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
TOOL = Message(
    "Tool",
    {
        "functionDeclarations": Many(FUNCTION),
        **dict.fromkeys(
            (
                *("googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "googleMaps", "computerUse"),
                *("enterpriseWebSearch", "retrieval", "fileSearch"),
            ),
            "struct",
        ),
    },
)
TRANSCRIPTION = Message(
    "AudioTranscriptionConfig",
    {
        "languageCodes": Many("string"),
        "languageAuto": "struct",
        "languageHints": "struct",
        "customVocabulary": Many("string"),
        "adaptationPhrases": Many("string"),
        "wordTimestamp": "bool",
        "diarization": "bool",
        "mode": "string",
    },
)
THINKING = Message("ThinkingConfig", {"includeThoughts": "bool", "thinkingBudget": "int", "thinkingLevel": LEVELS})
GENERATION = Message(
    "GenerationConfig",
    {
        "responseModalities": Many(MODALITIES),
        "speechConfig": Message(
            "SpeechConfig",
            {"voiceConfig": "struct", "languageCode": "string", "multiSpeakerVoiceConfig": "struct"},
        ),
        "thinkingConfig": THINKING,
        "mediaResolution": RESOLUTIONS,
        "enableAffectiveDialog": Only("bool", ALPHA),
        "translationConfig": "struct",
        "responseSchema": SCHEMA,
        "responseMimeType": "string",
        "stopSequences": Many("string"),
        **dict.fromkeys(("candidateCount", "maxOutputTokens", "seed", "logprobs"), "int"),
        **dict.fromkeys(("temperature", "topP", "topK", "presencePenalty", "frequencyPenalty"), "float"),
        **dict.fromkeys(("responseLogprobs", "audioTimestamp", "enableEnhancedCivicAnswers"), "bool"),
        "responseJsonSchema": "any",
    },
)
DETECTION = Message(
    "AutomaticActivityDetection",
    {
        "disabled": "bool",
        "startOfSpeechSensitivity": SPEECH_START,
        "endOfSpeechSensitivity": SPEECH_END,
        "prefixPaddingMs": "int",
        "silenceDurationMs": "int",
    },
)
SETUP = Message(
    "BidiGenerateContentSetup",
    {
        "model": "string",
        "generationConfig": GENERATION,
        "systemInstruction": CONTENT,
        "tools": Many(TOOL),
        "realtimeInputConfig": Message(
            "RealtimeInputConfig",
            {
                "automaticActivityDetection": DETECTION,
                "activityHandling": HANDLING,
                "turnCoverage": COVERAGE,
                "interimTranscriptTimestampEnabled": "bool",
            },
        ),
        "sessionResumption": Message("SessionResumptionConfig", {"handle": "string", "transparent": "bool"}),
        "contextWindowCompression": Message(
            "ContextWindowCompressionConfig",
            {"triggerTokens": "int64", "slidingWindow": Message("SlidingWindow", {"targetTokens": "int64"})},
        ),
        "inputAudioTranscription": TRANSCRIPTION,
        "outputAudioTranscription": TRANSCRIPTION,
        "proactivity": Only(Message("ProactivityConfig", {"proactiveAudio": "bool", "proactiveVideo": "bool"}), ALPHA),
        "explicitVadSignal": Only("bool", ("v1beta1", "v1")),
        "historyConfig": Message("HistoryConfig", {"initialHistoryInClientContent": "bool"}),
        "translationConfig": "struct",
        "avatarConfig": "struct",
        "safetySettings": Many("struct"),
        "labels": "struct",
    },
)
"""gemini.md#10."""
MESSAGE = Message(
    "BidiGenerateContentClientMessage",
    {
        "setup": SETUP,
        "clientContent": Message("BidiGenerateContentClientContent", {"turns": Many(CONTENT), "turnComplete": "bool"}),
        "realtimeInput": Message(
            "BidiGenerateContentRealtimeInput",
            {
                "mediaChunks": Many(BLOB),
                "audio": BLOB,
                "video": BLOB,
                "text": "string",
                "audioStreamEnd": "bool",
                "activityStart": ANY,
                "activityEnd": ANY,
            },
        ),
        "toolResponse": Message("BidiGenerateContentToolResponse", {"functionResponses": Many(FUNCTION_RESPONSE)}),
        "contextUpdate": Message(
            "BidiGenerateContentContextUpdate",
            {"systemInstruction": CONTENT, "tools": Message("Tools", {"tools": Many(TOOL)})},
        ),
    },
    oneof=("setup", "clientContent", "realtimeInput", "toolResponse", "contextUpdate"),
    given="message_type",
)
"""One of these at a time (gemini.md#7)."""
