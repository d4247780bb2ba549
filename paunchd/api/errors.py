"""Every refusal of the API, as application/problem+json (RFC 9457)."""

import json

from aiohttp import web
from aiohttp.typedefs import Handler

from paunchd.errors import PaunchdError

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """Raised where a request cannot be answered; becomes the answer *status* with *detail*."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


def not_found(what: str, name: str) -> ProblemError:
    return ProblemError(404, "Not found", f"no {what} `{name}` is known")


def problem_body(status: int, title: str, detail: str) -> dict[str, object]:
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


def problem(status: int, title: str, detail: str) -> web.Response:
    body = problem_body(status, title, detail)
    headers = {"Retry-After": "1"} if status == web.HTTPServiceUnavailable.status_code else None
    return web.Response(body=json.dumps(body).encode(), status=status, content_type=MEDIA_TYPE, headers=headers)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ProblemError as error:
        return problem(error.status, error.title, error.detail)
    except PaunchdError as error:
        return problem(503, "Not possible now", str(error))
    except web.HTTPException as error:
        return refusal(request, error)


def refusal(request: web.BaseRequest, error: web.HTTPException) -> web.Response:
    """Say in our form what aiohttp refuses by itself."""
    strange = f"{request.method} {request.path} is not part of this API; see /openapi.json"
    detail = strange if error.status in (404, 405) else error.reason
    answer = problem(error.status, error.reason, detail)
    answer.headers.update({"Allow": error.headers["Allow"]} if "Allow" in error.headers else {})
    return answer
