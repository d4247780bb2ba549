"""What people see: the daemon's answers as tables and sentences. Never asks anything itself."""

import pwd
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from paunchd.wording import age, short

Answer = Mapping[str, Any]

_STYLES = {
    "running": "green",
    "succeeded": "green",
    "proving": "cyan",
    "starting": "cyan",
    "preparing": "cyan",
    "removing": "cyan",
    "waiting": "yellow",
    "blocked": "yellow",
    "held": "yellow",
    "unknown": "magenta",
}
_VERDICTS = {"good": "green", "succeeded": "green", "on trial": "cyan", "rejected": "bold red", "failed": "bold red"}
_WIDE = 240
_LOG_LINES = 40


def console(*, error: bool = False) -> Console:
    """Make a console that shows text as it is; into a pipe, lines are not broken."""
    out = Console(stderr=error, markup=False, highlight=False, emoji=False)
    return out if out.is_terminal else Console(stderr=error, markup=False, highlight=False, emoji=False, width=_WIDE)


def show(page: RenderableType) -> None:
    """Print *page*; into a pipe without the spaces that fill its columns."""
    out = console()
    if out.is_terminal:
        out.print(page)
        return
    with out.capture() as captured:
        out.print(page)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))  # noqa: T201 - that is its purpose


def clean(text: object) -> str:
    """Make *text* safe for a terminal: an image's or engine's words may hold control characters."""
    if isinstance(text, bool):
        return "yes" if text else "no"
    return "".join(c if c.isprintable() else " " for c in str(text if text is not None else ""))


def ago(moment: str | None, now: datetime | None = None) -> str:
    """Say how long ago *moment* was, in one unit."""
    return age(((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds()) if moment else ""


def state_text(state: str) -> Text:
    return Text(state, style=_STYLES.get(state, "bold red"))


def containers_table(containers: Sequence[Answer]) -> Table:
    table = _table("NAME", "STATE", "SINCE", "STEP", "CONFIG", "IMAGE", "WHY")
    for one in containers:
        why = one["doing"] or one["reason"]
        step = "" if one["step"] is None else str(one["step"])
        table.add_row(
            clean(one["name"]),
            state_text(one["state"]),
            ago(one["since"]),
            step,
            clean(one["config_id"]),
            clean(one["image"]),
            clean(why),
        )
    return table


def status_page(status: Answer, containers: Sequence[Answer]) -> RenderableType:
    """Put what is wrong, and what to do about it, before the table of everything."""
    wrong = list(_troubles(status))
    good = not wrong and status["settled"]
    head = Text(f"paunchd {status['version']}: {clean(status['summary'])}", style="green" if good else "bold")
    table: list[RenderableType] = [Text(""), containers_table(containers)] if containers else []
    return Group(head, *wrong, *table)


def _troubles(status: Answer) -> Iterable[Text]:
    for one in status["wrong"]:
        error = one["last_error"] or ""
        cause = one["cause"] if error in one["cause"] else f"{one['cause']} (last error: {error})"
        text = Text("  ").append(clean(f"{one['what']} {one['name'] or ''}").strip(), style="bold red")
        text.append(f": {clean(cause)}\n")
        yield text.append(f"      -> {one['advice']}", style="dim")
    for warning in status["warnings"]:
        yield Text(f"  warning: {clean(warning)}", style="yellow")


def container_page(one: Answer) -> RenderableType:
    """Show everything known of one name as pairs, then its engine containers and its lane."""
    pairs = Table.grid(padding=(0, 2))
    nested = ("rejected", "results", "trial", "engine_containers", "config_files")
    for key, value in one.items():
        if key in (*nested, "lane", "bad") or value in (None, "", [], False):
            continue
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        pairs.add_row(key.replace("_", " "), state_text(value) if key == "state" else clean(shown))
    parts: list[RenderableType] = [pairs]
    for title in nested:
        values = one[title] if isinstance(one[title], list) else [one[title]] if one[title] else []
        parts += [Text(f"\n{title.replace('_', ' ')}", style="bold")] if values else []
        for value in values:
            parts += [Text("  " + _inline(value)), *_words(value)]
    if one["lane"]:
        steps = [f"  {clean(step)}" for step in one["lane"]["steps"]]
        parts += [Text("\nlane in flight", style="bold"), Text("\n".join(steps))]
    return Group(*parts)


def _words(value: Answer) -> Iterable[Text]:
    """What a rejected container itself said, line by line, the newest last."""
    said = {"last health test": (value.get("health_output") or "").splitlines(), "log": value.get("logs") or []}
    for title, lines in said.items():
        shown = lines[-_LOG_LINES:]
        if shown:
            left_out = f" (last {len(shown)} of {len(lines)} lines)" if len(shown) < len(lines) else ""
            yield Text(f"    {title}{left_out}:", style="bold")
            yield Text("\n".join(f"      | {clean(line)}" for line in shown), style="dim")


def plan_page(plan: Answer) -> RenderableType:
    parts = [Text("\n".join(map(clean, plan["text"].split("\n"))) if plan["text"] else "nothing to do")]
    parts += [Text(f"blocked {clean(b['name'])}: by {clean(', '.join(b['by']))}") for b in plan["blocked"]]
    parts += [Text(f"{h['state']} {clean(h['name'])}: {clean(h['reason'])}") for h in plan["held"]]
    return Group(*parts)


def history_page(found: Answer) -> RenderableType:
    """Show what became of each revision, where it is of one name, then everything that happened."""
    parts: list[RenderableType] = []
    if found.get("revisions"):
        parts = [_revisions_table(found["revisions"]), Text("")]
    return Group(*parts, _events_table(found["history"]))


def _revisions_table(revisions: Sequence[Answer]) -> Table:
    table = _table("REVISION", "VERDICT", "SINCE", "IMAGE", "BY", "WHY")
    for one in revisions:
        marks = [word for word in ("running", "declared") if one[word]]
        verdict = Text(one["verdict"], style=_VERDICTS.get(one["verdict"], ""))
        verdict.append(f" ({', '.join(marks)})" if marks else "")
        since = one["verdict_at"] or one["at"]
        table.add_row(short(one["hash"]), verdict, since, clean(one["image"]), _who(one["uid"]), clean(one["cause"]))
    return table


def _events_table(events: Sequence[Answer]) -> Table:
    named = ["NAME"] if events and "name" in events[0] else []
    table = _table("AT", *named, "EVENT", "OUTCOME", "TOOK", "REVISION", "IMAGE", "BY", "DETAIL")
    for one in events:
        took = "" if one["seconds"] is None else f"{one['seconds']:.1f}s"
        outcome = f"{one['outcome']} ({one['times']} times)" if one["times"] > 1 else one["outcome"]
        words = [clean(one["event"]), clean(outcome)]
        told = (short(one["hash"]), clean(one["image"]), _who(one["uid"]), clean(one["detail"]))
        table.add_row(one["at"], *(clean(one[key.lower()]) for key in named), *words, took, *told)
    return table


def _who(uid: int | None) -> str:
    """Name the user, where this host knows him."""
    if uid is None:
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def event_line(event: Answer) -> Text:
    """Put an event on one line: when, who, what."""
    at = datetime.fromisoformat(event["at"]).astimezone().strftime("%H:%M:%S")
    line = Text(f"{at}  ", style="dim").append(clean(event.get("name", "node")), style="bold").append("  ")
    match event["kind"]:
        case "state":
            why = f": {clean(event['reason'])}" if event["reason"] else ""
            return line.append_text(state_text(event["state"])).append(why)
        case "node":
            settled = "settled" if event["settled"] else "not settled"
            told = f"engine {event['engine']}, source {event['source']}, generation {event['generation']}, {settled}"
            return line.append(clean(told))
    rest = (value for key, value in event.items() if key not in ("id", "at", "kind", "name"))
    told = "  ".join(clean("; ".join(value) if isinstance(value, list) else value) for value in rest)
    return line.append(f"{event['kind'].replace('-', ' ')}: {told}")


def _inline(value: Answer) -> str:
    words = ("health_output", "logs")
    pairs = ((key, inner) for key, inner in value.items() if key not in words and inner not in (None, ""))
    return "  ".join(f"{key}={clean(inner)}" for key, inner in pairs)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in {"NAME", "STATE", "SINCE", "STEP", "AT"})
    return table
