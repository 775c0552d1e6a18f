"""What OpenAI refuses: the checks of a chat completion request, with its own error shape.

The wording follows the errors of the public API, so that a log of the sandbox reads like one of
the real thing. `validate` raises `BadRequest`; what passes is safe to read without further checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MAX_TOOLS = 128
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
# What strict mode does not support, by the structured outputs guide.
_NOT_STRICT = frozenset(
    {"allOf", "not", "dependentRequired", "dependentSchemas", "if", "then", "else"}
)


class BadRequest(Exception):
    """A 400 with OpenAI's `message`, `param` and `code`."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param, self.code = message, param, code

    def as_dict(self) -> dict[str, Any]:
        """The error's JSON, as `{"error": …}` carries it."""
        return {
            "message": self.message,
            "type": "invalid_request_error",
            "param": self.param,
            "code": self.code,
        }


def validate(body: Any) -> None:
    """Check a whole request body. Raises `BadRequest`."""
    if not isinstance(body, dict):
        raise BadRequest("We could not parse the JSON body of your request.")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise BadRequest("you must provide a model parameter")
    if "messages" not in body:
        raise BadRequest(
            "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"
        )
    _validate_messages(body["messages"])
    _validate_tools(body.get("tools"))
    if "tools" not in body and "parallel_tool_calls" in body:
        raise BadRequest(
            "'parallel_tool_calls' is only allowed when 'tools' are specified.",
            "parallel_tool_calls",
        )
    if body.get("stream_options") is not None and not body.get("stream"):
        raise BadRequest(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        )
    temperature = body.get("temperature")
    if temperature is not None and not (_is_number(temperature) and 0 <= temperature <= 2):
        raise BadRequest(
            f"Invalid 'temperature': expected a number between 0 and 2, got {temperature!r}.",
            "temperature",
        )
    most = body.get("max_completion_tokens", body.get("max_tokens"))
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise BadRequest(
            "Invalid 'max_completion_tokens': integer below minimum value.",
            "max_completion_tokens",
            "integer_below_min_value",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- Messages -----------------------------------------------------------------------------------


def _validate_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise BadRequest(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
            "messages",
            "empty_array",
        )
    waiting: dict[str, None] = {}
    for at, message in enumerate(messages):
        where = f"messages.[{at}]"
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise BadRequest(
                f"Invalid value for '{where}.role'. Supported values are: "
                "'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
                f"{where}.role",
                "invalid_value",
            )
        if message["role"] == "tool":
            _validate_tool_message(message, waiting, where)
            continue
        if waiting:
            _raise_unanswered(waiting, at)
        if message["role"] == "assistant":
            waiting = dict.fromkeys(_tool_call_ids(message, where))
        elif not isinstance(message.get("content"), str | list):
            raise BadRequest(
                "Invalid value for 'content': expected a string, "
                f"got {_kind(message.get('content'))}.",
                f"{where}.content",
            )
    if waiting:
        _raise_unanswered(waiting, len(messages))


def _validate_tool_message(
    message: Mapping[str, Any], waiting: dict[str, None], where: str
) -> None:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str):
        raise BadRequest(
            f"Missing required parameter: '{where}.tool_call_id'.",
            f"{where}.tool_call_id",
            "missing_required_parameter",
        )
    if call_id not in waiting:
        raise BadRequest(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message with 'tool_calls'.",
            f"{where}.role",
        )
    if not isinstance(message.get("content"), str | list):
        raise BadRequest(
            f"Invalid value for 'content': expected a string, got {_kind(message.get('content'))}.",
            f"{where}.content",
        )
    del waiting[call_id]


def _tool_call_ids(message: Mapping[str, Any], where: str) -> list[str]:
    calls = message.get("tool_calls")
    if calls is None:
        if not isinstance(message.get("content"), str | list) and not message.get("refusal"):
            raise BadRequest(
                "Invalid value for 'content': expected a string, got null.", f"{where}.content"
            )
        return []
    if not isinstance(calls, list) or not calls:
        raise BadRequest(
            f"Invalid '{where}.tool_calls': empty array. "
            "Expected an array with minimum length 1, but got an empty array instead.",
            f"{where}.tool_calls",
            "empty_array",
        )
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        sound = (
            isinstance(function, dict)
            and isinstance(call.get("id"), str)
            and call.get("type") == "function"
            and isinstance(function.get("name"), str)
            and isinstance(function.get("arguments"), str)
        )
        if not sound:
            raise BadRequest(f"Invalid type for '{where}.tool_calls'.", f"{where}.tool_calls")
    return [call["id"] for call in calls]


def _raise_unanswered(waiting: Mapping[str, None], at: int) -> None:
    raise BadRequest(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        + ", ".join(waiting),
        f"messages.[{at}].role",
    )


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__


# --- Tools --------------------------------------------------------------------------------------


def _validate_tools(tools: Any) -> None:
    if tools is None:
        return
    if not isinstance(tools, list) or not 1 <= len(tools) <= MAX_TOOLS:
        raise BadRequest(
            "Invalid 'tools': expected an array of 1 to 128 tools.", "tools", "empty_array"
        )
    for at, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type") != "function":
            raise BadRequest(
                f"Invalid value: 'tools[{at}]' must be a function.", f"tools[{at}].type"
            )
        name = function.get("name")
        allowed = isinstance(name, str) and name.replace("_", "").replace("-", "").isalnum()
        if not allowed or not isinstance(name, str) or len(name) > 64:
            raise BadRequest(
                f"Invalid 'tools[{at}].function.name': string does not match pattern. "
                "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
                f"tools[{at}].function.name",
                "invalid_value",
            )
        parameters = function.get("parameters")
        if parameters is not None:
            if not isinstance(parameters, dict) or parameters.get("type") != "object":
                _raise_schema(name, (), "schema must be a JSON Schema of 'type: \"object\"'.", at)
            _validate_schema(name, parameters, (), at, strict=function.get("strict") is True)
        elif function.get("strict") is True:
            _raise_schema(name, (), "'parameters' is required with strict.", at)


def _validate_schema(name: str, schema: Any, path: Sequence[str], at: int, *, strict: bool) -> None:
    if not isinstance(schema, dict):
        _raise_schema(name, path, "schema must be an object.", at)
    kinds = schema.get("type", [])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind not in _TYPES:
            _raise_schema(name, path, f"{kind!r} is not valid under any of the given schemas.", at)
    properties = schema.get("properties", {})
    if strict:
        _validate_strict(name, schema, path, at)
    for key, value in properties.items():
        _validate_schema(name, value, (*path, "properties", key), at, strict=strict)
    if "array" in kinds and "items" not in schema:
        _raise_schema(name, path, "array schema missing items.", at)
    if "items" in schema:
        _validate_schema(name, schema["items"], (*path, "items"), at, strict=strict)
    for place, option in enumerate(schema.get("anyOf", ())):
        _validate_schema(name, option, (*path, "anyOf", str(place)), at, strict=strict)


def _validate_strict(name: str, schema: Mapping[str, Any], path: Sequence[str], at: int) -> None:
    refused = sorted(_NOT_STRICT & schema.keys())
    if refused:
        _raise_schema(name, path, f"'{refused[0]}' is not permitted.", at)
    kinds = schema.get("type", [])
    if "object" not in ([kinds] if isinstance(kinds, str) else kinds):
        if not kinds and not {"anyOf", "$ref", "enum", "const"} & schema.keys():
            _raise_schema(name, path, "schema must have a 'type' key.", at)
        return
    if schema.get("additionalProperties") is not False:
        _raise_schema(
            name, path, "'additionalProperties' is required to be supplied and to be false.", at
        )
    properties, required = set(schema.get("properties", {})), set(schema.get("required", ()))
    if missing := sorted(properties - required):
        _raise_schema(
            name,
            path,
            "'required' is required to be supplied and to be an array including every key in "
            f"properties. Missing '{missing[0]}'.",
            at,
        )
    if extra := sorted(required - properties):
        _raise_schema(name, path, f"Extra required key '{extra[0]}' supplied.", at)


def _raise_schema(name: str, path: Sequence[str], why: str, at: int) -> None:
    raise BadRequest(
        f"Invalid schema for function '{name}': In context={tuple(path)}, {why}",
        f"tools[{at}].function.parameters",
        "invalid_function_parameters",
    )
