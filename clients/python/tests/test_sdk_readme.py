"""The bot of the README as a process, with a gateway that drops its streams."""

import asyncio
import re
import sys
from collections import Counter
from pathlib import Path

import grpc

from .conftest import until
from .scripted import ME, Gateway, Refusal

README = Path(__file__).parents[1] / "README.md"


async def test_the_bot_of_the_readme_answers_every_message_once(
    address: str, gateway: Gateway, tmp_path: Path
) -> None:
    found = re.search(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    program = tmp_path / "bot.py"
    program.write_text(found[1])
    log = gateway.log()
    log.post("!echo before the bot")

    async def started() -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            program,
            cwd=tmp_path,
            env={"PLEXUS_URL": address, "PLEXUS_TOKEN": "plx_bot", "HOME": str(tmp_path)},
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"ready\n"
        return process

    def answers() -> Counter[str]:
        return Counter(each.text for each in log.messages.values() if each.sender_id == ME)

    process = await started()
    try:
        # Verdicts and events are lost with the stream.
        gateway.sends = ["silent"]
        for number in range(4):
            log.post(f"!echo {number}")
            gateway.publish(log)
        log.post("not for the bot")
        await until(lambda: bool(gateway.streams[0].refs))
        gateway.streams[0].end(Refusal(grpc.StatusCode.UNAVAILABLE, "GATEWAY_DRAINING"))
        await until(lambda: len(answers()) == 4)
        # Killed between a reply and the record that it was sent.
        process.kill()
        await process.communicate()
        log.post("!echo while it was away")
        process = await started()
        await until(lambda: len(answers()) == 5)
    finally:
        process.kill()
        await process.communicate()
    assert answers() == Counter(["0", "1", "2", "3", "while it was away"])
