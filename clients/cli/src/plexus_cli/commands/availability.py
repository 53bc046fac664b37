"""Warnings about recipients outside their working hours."""

from collections.abc import Sequence

from plexus.messaging.v1 import messages_pb2, messaging_service_pb2
from plexus_sdk import Plexus, Refused

from plexus_cli.context import name_people
from plexus_cli.language import counted, tr
from plexus_cli.moments import local
from plexus_cli.output import as_dict, caution, mention_aside, print_json, say
from plexus_cli.refusals import shown

pb = messaging_service_pb2

Mentions = Sequence[messages_pb2.Mention]

WARNING_SECONDS = 3.0


async def show_off_hours(
    plexus: Plexus, conversation_id: str, mentions: Mentions, *, json: bool
) -> None:
    """Print the recipients who are off hours now, the first 20 of them by name."""
    request = pb.PreviewSendRequest(conversation_id=conversation_id, mentions=mentions)
    preview = await plexus.call(plexus.messaging.PreviewSend, request)
    if json:
        print_json(as_dict(preview))
        return
    names = await name_people(plexus, {each.person_id for each in preview.people})
    say(summary(preview))
    for each in preview.people:
        who = names[each.person_id]
        again = local(each.works_again_at, zone=each.time_zone)
        say(
            tr(
                "  {who}  {local_time} {time_zone}, works again {again} there",
                who=who,
                local_time=each.local_time,
                time_zone=each.time_zone,
                again=again,
            )
        )


async def warn_of_off_hours(plexus: Plexus, conversation_id: str, mentions: Mentions) -> None:
    """Print the number of recipients who are off hours, if it can be determined."""
    request = pb.PreviewSendRequest(conversation_id=conversation_id, mentions=mentions)
    try:
        preview = await plexus.call(plexus.messaging.PreviewSend, request, seconds=WARNING_SECONDS)
    except Refused as error:
        mention_aside(tr("Working hours are not known: {error}", error=shown(error)))
        return
    if preview.off_hours:
        caution(summary(preview))


def summary(preview: pb.PreviewSendResponse) -> str:
    """Return a preview as one line; times are on this machine's clock."""
    if not preview.off_hours:
        return tr("Nobody of {audience} is outside working hours.", audience=preview.audience)
    first = min(preview.people, key=lambda each: each.works_again_at.ToNanoseconds())
    return counted(
        preview.off_hours,
        "{n} of {audience} is outside working hours; the first works again at {at} by your clock.",
        "{n} of {audience} are outside working hours; the first works again at {at} by your clock.",
        audience=preview.audience,
        at=local(first.works_again_at),
    )
