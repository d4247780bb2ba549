"""The OpenAPI description, made from the table of routes and the views, so that it cannot fall behind."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from paunchd import __version__
from paunchd.api.errors import MEDIA_TYPE
from paunchd.api.routes import Route

_PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    models = sorted({route.answer for route in routes if route.answer}, key=lambda model: model.__name__)
    refs, schemas = models_json_schema(
        [(model, "serialization") for model in models], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        content = (
            {"application/json": {"schema": refs[(route.answer, "serialization")]}}
            if route.answer
            else {"text/plain": {"schema": {"type": "string"}}}
        )
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, content)
    return {
        "openapi": "3.1.0",
        "info": {"title": "paunchd", "version": __version__},
        "paths": paths,
        "components": {"schemas": {**schemas.get("$defs", {}), "Problem": _PROBLEM}},
    }


def _operation(route: Route, content: dict[str, Any]) -> dict[str, Any]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    asked = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in route.query]
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    success = "202" if route.method == "POST" else "200"
    return {
        "summary": route.summary + (" (unix socket only)" if route.method == "POST" else ""),
        "parameters": named + asked,
        "responses": {
            success: {"description": route.summary, "content": content},
            "default": {"description": "Refused", "content": problem},
        },
    }
