"""Values that the tests of directory share."""

from datetime import timedelta

SECRET = "bootstrap secret of the tests"


PASSWORD = "correct horse"


HERE = "192.0.2.7/32"


MINUTE = timedelta(seconds=60)
