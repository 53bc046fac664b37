"""Personal settings: profile, appearance, hours, security, devices and tokens."""

import pyotp
import pytest
from playwright.async_api import expect
from plexus.directory.v1.directory_service_pb2 import GetPersonRequest
from plexus.directory.v1.session_service_pb2 import ListSessionsRequest
from plexus_testkit.harness import PASSWORD
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock

from .conftest import TITLE
from .test_accessibility import LOOKS, faults, fits
from .words import LOCALES

LANGUAGES = pytest.mark.parametrize("locale", LOCALES)
SECTIONS = (
    "profile",
    "appearance",
    "hours",
    "notifications",
    "security",
    "devices",
    "tokens",
)
NEW_PASSWORD = "quiet harbour lantern seven"
WORDS = {
    "zh-CN": {
        "zone": "时区",
        "saved": "已保存。",
        "skill": "添加技能",
        "add": "添加",
        "dark": "深色",
        "sunday": "周日",
        "save": "保存",
        "old": "当前密码",
        "fresh": "新密码",
        "repeat": "再次输入新密码",
        "change": "更改密码",
        "changed": "密码已更改",
        "wrong": "当前密码不正确",
        "weak": "新密码太短或太容易猜到",
        "totp": "设置验证器应用",
        "passkey": "添加通行密钥",
        "name": "名称",
        "next": "下一步",
        "code": "验证码",
        "confirm": "确认",
        "recovery": "恢复码",
        "keep": "我已保存",
        "use": "使用通行密钥",
        "others": "退出其他所有设备",
        "this": "此设备",
        "create": "新建令牌",
        "scope": "读取消息",
        "done": "完成",
        "revoke": "撤销“报表”",
        "no_tokens": "还没有令牌。",
        "loading": "正在加载…",
    },
    "en": {
        "zone": "Time zone",
        "saved": "Saved.",
        "skill": "Add a skill",
        "add": "Add",
        "dark": "Dark",
        "sunday": "Sun",
        "save": "Save",
        "old": "Current password",
        "fresh": "New password",
        "repeat": "New password again",
        "change": "Change password",
        "changed": "Password changed",
        "wrong": "The current password is wrong",
        "weak": "The new password is too short",
        "totp": "Set up an authenticator app",
        "passkey": "Add a passkey",
        "name": "Name",
        "next": "Next",
        "code": "Code",
        "confirm": "Confirm",
        "recovery": "Recovery codes",
        "keep": "I have saved them",
        "use": "Use a passkey",
        "others": "Sign out all other devices",
        "this": "This device",
        "create": "New token",
        "scope": "Read messages",
        "done": "Done",
        "revoke": "Revoke “报表”",
        "no_tokens": "No tokens yet.",
        "loading": "Loading…",
    },
}


@LANGUAGES
async def test_profile_looks_and_hours_are_kept(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in("/settings")
    page = lin.page
    await page.get_by_role("combobox", name=words["zone"]).select_option("Europe/Berlin")
    await expect(page.get_by_text(words["saved"])).to_be_visible()
    await page.get_by_label(words["skill"]).fill("Kafka")
    await page.get_by_label(words["skill"]).press("Enter")
    await expect(page.get_by_role("listitem").filter(has_text="Kafka")).to_be_visible()
    await page.goto(f"{lin.address}/settings/appearance")
    await page.get_by_role("radio", name=words["dark"], exact=True).check()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.goto(f"{lin.address}/settings/hours")
    await page.get_by_role("checkbox", name=words["sunday"]).check()
    await page.get_by_role("button", name=words["save"]).click()
    await expect(page.get_by_text(words["saved"])).to_be_visible()
    async with group.as_("lin") as plexus:
        found = await plexus.call(plexus.directory.GetPerson, GetPersonRequest(me=True))
    person = found.person
    assert (person.time_zone, list(person.skills)) == ("Europe/Berlin", ["Kafka"])
    assert list(person.working_hours.weekdays) == [1, 2, 3, 4, 5, 7]


async def test_the_language_changes_at_once_and_for_mails_too(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in("/settings/appearance")
    await lin.page.get_by_role("radio", name="English").check()
    await expect(lin.page.get_by_role("heading", name="Appearance and language")).to_be_visible()
    async with group.as_("lin") as plexus:

        async def kept() -> bool:
            found = await plexus.call(plexus.directory.GetPerson, GetPersonRequest(me=True))
            return found.person.locale == "en"

        await eventually(kept)


@LANGUAGES
async def test_a_password_is_changed_and_says_what_is_wrong_with_it(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in("/settings/security")
    page = lin.page

    async def change(old: str, fresh: str) -> None:
        await page.get_by_label(words["old"], exact=True).fill(old)
        await page.get_by_label(words["fresh"], exact=True).fill(fresh)
        await page.get_by_label(words["repeat"]).fill(fresh)
        await page.get_by_role("button", name=words["change"]).click()

    await change("not this one", NEW_PASSWORD)
    await expect(page.get_by_role("alert")).to_contain_text(words["wrong"])
    await change(PASSWORD, "password1")
    await expect(page.get_by_role("alert")).to_contain_text(words["weak"])
    await change(PASSWORD, NEW_PASSWORD)
    await expect(page.get_by_text(words["changed"])).to_be_visible()
    async with group.platform.signed_in(group.handles["lin"], NEW_PASSWORD) as plexus:
        listed = await plexus.call(plexus.sessions.ListSessions, ListSessionsRequest())
    assert len(listed.sessions) == 2


@LANGUAGES
async def test_an_authenticator_app_is_set_up_and_asked_for(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in("/settings/security")
    page = lin.page
    await page.get_by_role("button", name=words["totp"]).click()
    await page.get_by_label(words["old"], exact=True).last.fill(PASSWORD)
    await page.get_by_role("button", name=words["next"]).click()
    await expect(page.get_by_role("img")).to_have_count(1)
    await lin.shot(f"totp-{locale}")
    totp = pyotp.TOTP(await page.locator("p[class*=secret]").inner_text())
    await page.get_by_label(words["code"], exact=True).fill(totp.at(_now()))
    await page.get_by_role("button", name=words["confirm"], exact=True).click()
    codes = page.get_by_role("group", name=words["recovery"]).get_by_role("listitem")
    await expect(codes).to_have_count(10)
    await lin.shot(f"recovery-{locale}")
    await page.get_by_role("button", name=words["keep"]).click()
    await expect(codes).to_have_count(0)

    other = await desk(group.handles["lin"], locale=locale)
    await other.page.goto(other.address)
    await other.page.get_by_role("textbox", name=other.words.handle).fill(other.handle)
    await other.page.get_by_label(other.words.password).fill(PASSWORD)
    await other.page.keyboard.press("Enter")
    await expect(other.page.get_by_label(words["code"], exact=True)).to_be_visible()


def _now() -> float:
    return SystemClock().now().timestamp()


@LANGUAGES
async def test_a_passkey_is_added_and_opens_a_session(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    page = lin.page
    keys = await lin.context.new_cdp_session(page)
    await keys.send("WebAuthn.enable")
    authenticator = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await keys.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})
    await lin.sign_in("/settings/security")
    await page.get_by_role("button", name=words["passkey"]).click()
    await page.get_by_label(words["old"], exact=True).last.fill(PASSWORD)
    await page.get_by_label(words["name"], exact=True).fill("办公电脑")
    await page.get_by_role("button", name=words["next"]).click()
    await page.get_by_role("button", name=words["keep"]).click()
    await expect(page.get_by_role("listitem").filter(has_text="办公电脑").first).to_be_visible()

    await page.get_by_role("button", name=lin.words.account).click()
    await page.get_by_role("menuitem", name=lin.words.sign_out).click()
    await page.get_by_role("textbox", name=lin.words.handle).fill(lin.handle)
    await page.get_by_label(lin.words.password).fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name=words["use"]).click()
    await expect(page.get_by_role("navigation", name=lin.words.navigation)).to_be_visible()


@LANGUAGES
async def test_other_devices_are_listed_and_signed_out(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    lost = await desk(group.handles["lin"], locale=locale)
    await lost.sign_in()
    await lin.sign_in("/settings/devices")
    rows = lin.page.get_by_role("main").get_by_role("listitem").filter(has_text="Linux")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text(words["this"])
    await lin.page.get_by_role("button", name=words["others"]).click()
    await expect(rows).to_have_count(1)
    await expect(lost.page.get_by_role("textbox", name=lost.words.handle)).to_be_visible()


@LANGUAGES
async def test_a_token_is_made_shown_once_and_revoked(desk, group, locale):
    words = WORDS[locale]
    lin = await desk(group.handles["lin"], locale=locale)
    await lin.sign_in("/settings/tokens")
    page = lin.page
    await page.get_by_role("button", name=words["create"]).click()
    await page.get_by_label(words["name"], exact=True).fill("报表")
    await page.get_by_role("checkbox", name=words["scope"]).check()
    await page.get_by_role("button", name=words["create"]).click()
    secret = page.locator("code")
    await expect(secret).to_contain_text("plx_")
    await lin.shot(f"token-{locale}")
    await page.get_by_role("button", name=words["done"]).click()
    await expect(secret).to_have_count(0)
    await page.get_by_role("button", name=words["revoke"]).click()
    await expect(page.get_by_text(words["no_tokens"])).to_be_visible()


async def test_every_permission_that_is_offered_can_be_granted(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in("/settings/tokens")
    await lin.page.get_by_role("button", name=WORDS["zh-CN"]["create"]).click()
    await lin.page.get_by_label(WORDS["zh-CN"]["name"], exact=True).fill("全部")
    boxes = lin.page.get_by_role("checkbox")
    await expect(boxes.first).to_be_visible()
    for box in await boxes.all():
        await box.check()
    await lin.page.get_by_role("button", name=WORDS["zh-CN"]["create"]).click()
    await expect(lin.page.locator("code")).to_contain_text("plx_")


@pytest.mark.parametrize(("locale", "theme"), LOOKS)
async def test_the_settings_have_no_fault(desk, group, locale, theme):
    lin = await desk(group.handles["lin"], locale=locale, theme=theme)
    await lin.sign_in("/settings")
    found = []
    for width, look in ((1280, f"{locale}-{theme}"), (320, f"phone-{locale}-{theme}")):
        await lin.page.set_viewport_size({"width": width, "height": 800})
        for section in SECTIONS:
            await lin.page.goto(f"{lin.address}/settings/{section}")
            await lin.page.locator(TITLE).wait_for()
            await expect(lin.page.get_by_text(WORDS[locale]["loading"])).to_have_count(0)
            await fits(lin)
            found += await faults(lin, f"settings-{section}-{look}")
    assert found == []
