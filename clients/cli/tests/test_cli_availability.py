"""`plexus send --check`, and the warning about recipients who are off hours."""

import json
from typing import Any

import pytest
from plexus.directory.v1.directory_service_pb2 import BatchGetPeopleResponse
from plexus.directory.v1.people_pb2 import Person
from plexus.messaging.v1 import messaging_service_pb2 as pb
from plexus_cli.commands import availability
from plexus_sdk import Refused


class Gateway:
    """The SDK's contract at the outer seam."""

    def __init__(self, preview: pb.PreviewSendResponse | None) -> None:
        self.preview = preview
        self.asked: list[str] = []
        self.messaging = self.directory = self

    PreviewSend, BatchGetPeople = "PreviewSend", "BatchGetPeople"

    async def call(self, method: str, _: Any, *, seconds: float = 20) -> Any:
        assert seconds
        self.asked.append(method)
        if method == "BatchGetPeople":
            return BatchGetPeopleResponse(people=[Person(id="per_bo", handle="bo")])
        if self.preview is None:
            raise Refused("Plexus did not answer in time; try again.", reason="DEADLINE_EXCEEDED")
        return self.preview


def off(count: int) -> pb.PreviewSendResponse:
    preview = pb.PreviewSendResponse(audience=5, off_hours=count)
    if count:
        one = preview.people.add(person_id="per_bo", time_zone="Europe/Berlin", local_time="22:40")
        one.works_again_at.FromJsonString("2026-03-03T08:00:00Z")
    return preview


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return capsys.readouterr


async def test_ntf_03_check_names_who_is_off_hours(printed: Any) -> None:
    await availability.show_off_hours(Gateway(off(2)), "cnv_1", [], json=False)  # type: ignore[arg-type]
    out = printed().out
    assert "2 of 5 are outside working hours" in out
    assert "bo  22:40 Europe/Berlin, works again 2026-03-03" in out


async def test_ntf_03_check_is_json_for_scripts(printed: Any) -> None:
    await availability.show_off_hours(Gateway(off(1)), "cnv_1", [], json=True)  # type: ignore[arg-type]
    found = json.loads(printed().out)
    assert (found["audience"], found["off_hours"]) == (5, 1)
    assert found["people"][0]["works_again_at"] == "2026-03-03T08:00:00.000+00:00"


@pytest.mark.parametrize(
    ("preview", "line"),
    [
        (off(0), ""),
        (off(1), "1 of 5 is outside working hours"),
        (None, "Working hours are not known"),
    ],
)
async def test_ntf_03_a_warning_is_one_line_at_most_and_never_a_failure(
    preview: pb.PreviewSendResponse | None, line: str, printed: Any
) -> None:
    await availability.warn_of_off_hours(Gateway(preview), "cnv_1", [])  # type: ignore[arg-type]
    found = printed()
    assert found.out == ""
    assert line in found.err
    assert bool(found.err) == bool(line)
