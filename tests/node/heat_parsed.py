"""Has Heat itself read a template: parses it, validates parameters and properties, and resolves its functions.

Run by the Python of .lab/heat, with nothing of ours on its path:

    python heat_parsed.py TEMPLATE PARAMETERS.json

Prints {"resources": {name: {"type", "requires", "properties"}}, "outputs": {name: value}}. A nested template is read in
the same way, and is resolved before what asks for its outputs.
"""

import json
import sys
import uuid
from pathlib import Path
from typing import Any

from heat.common import identifier, template_format
from heat.engine import (
    attributes,
    environment,
    function,
    node_data,
    properties,
    resources,
    stk_defn,
    template,
)


class Attributes(dict):
    """A resource's attributes, also by a path into one of them."""

    def __missing__(self, path: Any) -> Any:
        if isinstance(path, str):
            raise KeyError(path)
        name, *rest = path
        return attributes.select_from_attribute(self[name], rest)


class Stack:
    """A stack of *path*'s template that is created as far as its resources have been resolved."""

    def __init__(self, path: Path, parameters: dict[str, Any]) -> None:
        self._path = path
        parsed = template_format.parse(path.read_text(), str(path))
        self.template = template.Template(parsed, env=environment.Environment({"parameters": parameters}))
        self.template.validate()
        name = identifier.HeatIdentifier("tenant", path.stem, str(uuid.uuid4()))
        self._defined = stk_defn.StackDefinition(None, self.template, name, {})
        self._defined.parameters.validate()
        self.resources: dict[str, Any] = {}

    def resolve(self) -> dict[str, Any]:
        waiting = self._defined.enabled_rsrc_names()
        while waiting:
            ready = [name for name in sorted(waiting) if not self._definition(name).required_resource_names() & waiting]
            if not ready:
                raise SystemExit(f"{self._path}: {', '.join(sorted(waiting))} wait for each other")
            for name in ready:
                self._create(name)
            waiting -= set(ready)
        return {"resources": self.resources, "outputs": self._outputs()}

    def _definition(self, name: str) -> Any:
        return self._defined.resource_definition(name)

    def _create(self, name: str) -> None:
        definition = self._definition(name)
        nested = self._path.parent / definition.resource_type
        given, told = self._nest(definition, nested) if nested.suffix == ".yaml" else self._plain(definition)
        data = node_data.NodeData(1, name, name, f"id-of-{name}", Attributes(told), "CREATE", "COMPLETE")
        stk_defn.update_resource_data(self._defined, name, data)
        self.resources[name] = {
            "type": definition.resource_type,
            "requires": sorted(definition.required_resource_names()),
            "properties": given,
        }

    def _nest(self, definition: Any, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        schema = template.Template(template_format.parse(path.read_text())).param_schemata()
        given = self._valid(definition, properties.Properties.schema_from_params(schema))
        return given, Stack(path, given).resolve()["outputs"]

    def _plain(self, definition: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        kind = resources.global_env().get_class(definition.resource_type)
        given = self._valid(definition, kind.properties_schema)
        return given, {name: given.get(name, f"{name} of {definition.name}") for name in kind.attributes_schema}

    def _valid(self, definition: Any, schema: Any) -> dict[str, Any]:
        found = definition.properties(schema)
        found.validate()
        return {name: found[name] for name in found if found[name] is not None}

    def _outputs(self) -> dict[str, Any]:
        names = self._defined.enabled_output_names()
        return {name: function.resolve(self._defined.output_definition(name).get_value()) for name in names}


if __name__ == "__main__":
    resources.initialise()
    where, parameters = sys.argv[1:]
    print(json.dumps(Stack(Path(where), json.loads(Path(parameters).read_text())).resolve()))
