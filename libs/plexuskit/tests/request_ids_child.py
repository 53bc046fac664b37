"""Carries out one change with a request id, for test_request_ids.py to kill; never imported.

Arguments: MongoDB's address and the database. Prints the answer.
"""

import asyncio
import sys

from plexuskit.clock import SystemClock
from plexuskit.config import MongoSection
from plexuskit.mongo import connect
from request_ids_support import Things


async def main(mongo_url: str, database: str) -> None:
    async with connect(MongoSection(url=mongo_url, database=database)) as db:
        sys.stdout.write(await Things(db).make("desk", request_id="r1", now=SystemClock().now()))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
