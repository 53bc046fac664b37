"""The independent tester of SCIM servers finds nothing to object to, over real HTTP."""

import asyncio

from scim2_tester import Status, check_server

BAD = {Status.ERROR, Status.CRITICAL, Status.DEVIATION}


async def test_int_1_the_tester_of_scim_servers_passes(site):
    results = await asyncio.to_thread(check_server, site.client())
    objections = [result for result in results if result.status in BAD]
    assert not objections, "\n".join(
        f"{each.title} {each.resource_type}: {each.reason}" for each in objections
    )
    passed = [result for result in results if result.status is Status.SUCCESS]
    assert len(passed) > 80
