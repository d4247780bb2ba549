"""The page's templates, and what they may call.

Loaded with the first page that is asked for.
"""

from datetime import datetime

import jinja2
from markupsafe import Markup, escape

from paunchd.wording import age, short

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("paunchd.api.page", "files"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _age(at: datetime, now: datetime) -> str:
    return age((now - at).total_seconds())


def _commands(text: str) -> Markup:
    """Set what stands in backquotes as code."""
    code = Markup("<code>{}</code>")
    parts = enumerate(text.split("`"))
    return Markup("").join(code.format(part) if place % 2 else escape(part) for place, part in parts)


TEMPLATES.filters |= {"age": _age, "commands": _commands, "short": short}
