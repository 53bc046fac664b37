"""Input methods: Enter that ends a composition does not send."""

from playwright.async_api import expect
from plexus.messaging.v1.messaging_service_pb2 import ListMessagesRequest


async def test_enter_during_a_composition_never_sends(desk, group):
    lin = await desk(group.handles["lin"])
    await lin.sign_in(f"/c/{group.id}")
    await lin.composer.click()
    keyboard = await lin.context.new_cdp_session(lin.page)
    await keyboard.send(
        "Input.imeSetComposition", {"text": "ni hao", "selectionStart": 6, "selectionEnd": 6}
    )
    await expect(lin.composer).to_have_value("ni hao")
    # An input method consumes the key: the page receives a key event and no character.
    for key_code in (229, 13):
        for kind in ("rawKeyDown", "keyUp"):
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": key_code}
            await keyboard.send("Input.dispatchKeyEvent", {"type": kind, **key})
    await expect(lin.composer).to_have_value("ni hao")
    await keyboard.send("Input.insertText", {"text": "你好"})
    await expect(lin.composer).to_have_value("你好")
    await lin.composer.press("Shift+Enter")
    await lin.page.keyboard.insert_text("世界")
    await expect(lin.composer).to_have_value("你好\n世界")
    await lin.composer.press("Enter")
    await expect(lin.composer).to_have_value("")
    await expect(lin.message("世界")).to_be_visible()
    async with group.as_("max") as plexus:
        request = ListMessagesRequest(conversation_id=group.id)
        listed = await plexus.call(plexus.messaging.ListMessages, request)
    assert [message.text for message in listed.messages] == ["你好\n世界"]
