"""The page in a real browser: live with a script, whole without one, and usable on a phone."""

import pytest
from playwright.sync_api import expect

from tests.functional.node import running_script, service

pytestmark = pytest.mark.engine

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
FAILS = running_script("echo no such option; exit 3", restart="no")


def row(page, node, name):
    return page.locator("#containers tbody tr", has=page.get_by_role("link", name=node.full(name), exact=True))


def bring_up(node):
    node.write("step1", {"db": service()}, step=1)
    node.write("step2", {"web": service(depends_on={"db": "healthy"}), "api": service()}, step=2)
    node.proves()


def test_the_page_follows_a_rollout_and_its_rollback(served, look):
    """Without a reload the state changes, what is wrong appears with its advice, and the time line has the story."""
    bring_up(served)
    page = look(served.address)
    expect(page.locator("#live")).to_have_text("live")
    expect(page.get_by_role("heading", level=1)).to_have_text("3 names, settled")
    served.write("step2", {"web": FAILS, "api": service()}, step=2)
    served.becomes("rolled-back", "web")
    expect(row(page, served, "web")).to_contain_text("rolled-back")
    trouble = page.locator(".troubles li", has_text="rolled-back")
    expect(trouble).to_contain_text("exited with code 3")
    expect(trouble.locator("code").last).to_have_text(f"paunchctl retry {served.full('web')}")
    line = page.locator(".timeline .row", has=page.get_by_role("link", name=served.full("web"), exact=True))
    expect(line.locator("circle.rejected")).to_have_count(1)
    assert "exited with code 3" in line.locator("circle.rejected title").text_content()
    served.write("step2", {"web": service(environment={"V": "2"}), "api": service()}, step=2)
    served.proves()
    expect(page.get_by_role("heading", level=1)).to_have_text("3 names, settled")
    expect(page.locator(".troubles")).to_have_count(0)


def test_a_daemon_that_goes_away_is_told_and_one_that_comes_back_is_followed(served, look):
    """The page says that it is not connected, keeps what it showed, and goes on by itself."""
    bring_up(served)
    page = look(served.address)
    expect(page.locator("#live")).to_have_text("live")
    served.stop()
    expect(page.locator("#live")).to_contain_text("not connected")
    expect(row(page, served, "web")).to_contain_text("running")
    served.start()
    expect(page.locator("#live")).to_have_text("live", timeout=20_000)
    served.write("more", {"cache": service()})
    served.proves()
    expect(row(page, served, "cache")).to_contain_text("running")


def test_without_a_script_everything_is_there(served, look):
    """Names, states, steps, dependencies and the story stand in the page as it is sent."""
    bring_up(served)
    page = look(served.address, java_script_enabled=False)
    for name in ("db", "web", "api"):
        expect(row(page, served, name)).to_contain_text("running")
    expect(page.locator(".step h3")).to_have_text(["step 1", "step 2"])
    expect(page.locator(".step li", has_text=served.full("web"))).to_contain_text(f"after {served.full('db')} healthy")
    expect(page.locator("#filter")).to_be_hidden()
    page.get_by_text("the same as a list").click()
    expect(page.locator("details tbody tr").first).to_be_visible()
    row(page, served, "web").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(served.full("web"))
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()


def test_a_filter_stays_while_the_page_changes(served, look):
    """Whoever looks for one name keeps his place when another changes."""
    bring_up(served)
    page = look(served.address)
    page.locator("#filter").fill("web")
    expect(row(page, served, "api")).to_be_hidden()
    served.write("more", {"cache": service()})
    served.proves()
    expect(page.get_by_role("heading", level=1)).to_have_text("4 names, settled")
    expect(row(page, served, "cache")).to_be_hidden()
    expect(row(page, served, "web")).to_be_visible()
    expect(page.locator("#filter")).to_be_focused()


@pytest.mark.parametrize("path", ["/", "/containers/{}"], ids=["node", "name"])
def test_a_phone_shows_it_without_scrolling_sideways(served, look, path):
    """On a narrow screen everything is there, one below the other."""
    bring_up(served)
    page = look(served.address + path.format(served.full("web")), **PHONE)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider == 0
