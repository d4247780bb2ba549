"""The OpenAPI description, made from the table of routes and the views, so that it cannot fall behind."""

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import TypeAdapter

from paunchd import __version__
from paunchd.api.errors import MEDIA_TYPE
from paunchd.api.query import Parameter
from paunchd.api.routes import ETAG, Route

_PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
_PROBLEMS = {
    "400": "A parameter that is not known, or has no such value",
    "403": "Only over the unix socket, or not under this host name",
    "404": "Not known",
    "408": "A body that does not come to its end",
    "409": "Cannot be done",
    "413": "A body that is too long",
    "431": "An address or a header that is too long",
    "503": "Not now; come again",
}


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    answers: list[tuple[str, Literal["serialization"], TypeAdapter[Any]]] = [
        (route.method + route.path, "serialization", _adapter(route.answer)) for route in routes if route.answer
    ]
    refs, schemas = TypeAdapter.json_schemas(answers, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        schema = refs[route.method + route.path, "serialization"] if route.answer else {"type": "string"}
        content = {route.media_type: {"schema": schema}}
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, content)
    return {
        "openapi": "3.1.0",
        "info": {"title": "paunchd", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {"schemas": {**schemas.get("$defs", {}), "Problem": _PROBLEM}},
    }


_ABOUT = (
    "The containers of one node. Everything is answered over the unix socket (api.socket); TCP (api.listen) answers "
    "reads alone."
)


def _adapter(answer: Any) -> TypeAdapter[Any]:
    return answer if isinstance(answer, TypeAdapter) else TypeAdapter(answer)


def _operation(route: Route, content: dict[str, Any]) -> dict[str, Any]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    success = "202" if route.method == "POST" else "200"
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    refused: dict[str, Any] = {
        status: {"description": about, "content": problem} for status, about in _PROBLEMS.items()
    }
    refused["503"]["headers"] = _headers("Retry-After")
    known = {"304": {"description": "As it was", "headers": _headers(ETAG)}} if ETAG in route.headers else {}
    told = {"description": route.summary, "content": content, "headers": _headers(*route.headers)}
    return {
        "summary": route.summary + (" (unix socket only)" if route.method == "POST" else ""),
        "parameters": named + [_asked(parameter) for parameter in route.query],
        "responses": {success: told, **known, **refused},
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}, "required": True} for name in names}


def _asked(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.about,
        "schema": dict(parameter.schema),
    }
