"""Sign-in, persistent sessions, and tabs that share one stream."""

import pyotp
import pytest
from playwright.async_api import expect
from plexus.directory.v1.session_service_pb2 import ConfirmTotpRequest, EnrollTotpRequest
from plexus_testkit.harness import PASSWORD

from .words import LOCALES

STREAM = "/plexus.gateway.v1.SessionService/Subscribe"


@pytest.mark.parametrize("locale", LOCALES)
async def test_a_password_and_a_one_time_code_open_a_session(desk, group, locale):
    async with group.as_("lin") as plexus:
        enrolled = await plexus.call(
            plexus.sessions.EnrollTotp, EnrollTotpRequest(password=PASSWORD)
        )
        totp = pyotp.TOTP(enrolled.secret)
        await plexus.call(plexus.sessions.ConfirmTotp, ConfirmTotpRequest(code=totp.now()))
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.page.goto(lin.address)
    await lin.page.get_by_role("textbox", name=lin.words.handle).fill(lin.handle)
    await lin.page.get_by_label(lin.words.password).fill("wrong")
    await lin.page.keyboard.press("Enter")
    await expect(lin.page.get_by_role("alert")).to_contain_text(lin.words.wrong)
    await lin.page.get_by_label(lin.words.password).fill(PASSWORD)
    await lin.page.keyboard.press("Enter")
    code = lin.page.get_by_label(lin.words.code, exact=True)
    await code.wait_for()
    await lin.shot(f"code-{locale}")
    # The code that confirmed the app cannot be used again.
    await code.fill(totp.at(_now(), counter_offset=1))
    await lin.page.get_by_role("button", name=lin.words.verify).click()
    await expect(lin.page.get_by_role("link", name=group.name)).to_be_visible()


def _now() -> float:
    from plexuskit.clock import SystemClock  # noqa: PLC0415 - this helper's own

    return SystemClock().now().timestamp()


async def test_the_session_outlives_a_reload_and_no_script_can_read_its_secret(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in()
    await lin.page.reload()
    await expect(lin.page.get_by_role("link", name=group.name)).to_be_visible()
    stored = await lin.page.evaluate(
        "document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"
    )
    assert "refresh" not in stored
    assert "eyJ" not in stored
    cookies = await lin.context.cookies(f"{lin.address}/session")
    refresh = next(each for each in cookies if each["name"] == "__Secure-plexus-refresh")
    assert (refresh["httpOnly"], refresh["secure"], refresh["sameSite"]) == (True, True, "Strict")
    assert refresh["path"] == "/session"


async def test_tabs_share_one_stream_and_another_leads_when_the_first_closes(desk, group):
    lin = await desk(group.handles["lin"])
    opened = []
    lin.context.on("request", lambda request: opened.append(request.url))
    await lin.sign_in(f"/c/{group.id}")
    second = await lin.another_tab()
    await second.goto(f"{lin.address}/c/{group.id}")
    await second.locator("main textarea").wait_for()
    await group.say("max", "in beiden")
    await expect(lin.message("in beiden")).to_be_visible()
    await expect(second.locator("article").filter(has_text="in beiden")).to_be_visible()
    assert sum(url.endswith(STREAM) for url in opened) == 1

    await lin.page.close()
    await group.say("max", "nach dem Wechsel")
    await expect(second.locator("article").filter(has_text="nach dem Wechsel")).to_be_visible()
    assert sum(url.endswith(STREAM) for url in opened) == 2


async def test_signing_out_signs_every_tab_out(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in()
    second = await lin.another_tab()
    await second.goto(lin.address)
    await expect(second.get_by_role("link", name=group.name)).to_be_visible()
    await lin.page.get_by_role("button", name=lin.words.account).click()
    await lin.page.get_by_role("menuitem", name=lin.words.sign_out).click()
    for page in (lin.page, second):
        await expect(page.get_by_role("textbox", name=lin.words.handle)).to_be_visible()
        await expect(page.get_by_text(group.name)).to_have_count(0)
    cookies = await lin.context.cookies(f"{lin.address}/session")
    assert "__Secure-plexus-refresh" not in {each["name"] for each in cookies}


async def test_a_gateway_that_is_killed_is_noticed_and_found_again(desk, group, platform):
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.wait_for()
    platform["gateway"].kill()
    await expect(lin.page.get_by_text(lin.words.offline)).to_be_visible()
    platform.restart("gateway")
    await expect(lin.page.get_by_text(lin.words.offline)).to_have_count(0)
    await group.say("max", "wieder da")
    await expect(lin.message("wieder da")).to_be_visible()
    lin.problems.clear()  # Chromium reports each connection that was refused.
