"""What an operator may ask for: over the unix socket alone, and with his uid taken down."""

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from paunchd.api import views
from paunchd.api.answers import answer
from paunchd.api.errors import ProblemError, not_found
from paunchd.api.security import peer_of
from paunchd.api.sources import SOURCES

log = structlog.get_logger()


class AcceptedView(views.View):
    """What was asked for is remembered, and the next pass does it."""

    accepted: str
    name: str | None = None


def write(action: str) -> Handler:
    """Return what answers a request for *action*, a method of ``Operator``."""

    async def ask(request: web.Request) -> web.Response:
        name = request.match_info.get("name")
        peer = peer_of(request)
        if peer is None:
            raise ProblemError(403, "Read only", "write over the unix socket (api.socket)")
        log.info("write_requested", action=action, name=name, uid=peer.uid, pid=peer.pid)
        try:
            await getattr(request.app[SOURCES].operator, action)(*([name] if name else []), uid=peer.uid)
        except KeyError:
            raise not_found("container", name or "") from None
        except ValueError as error:
            raise ProblemError(409, "Not possible", str(error)) from None
        return answer(AcceptedView(accepted=action, name=name), status=202)

    return ask
