"""plexus.directory.v1.ScimService: HTTP exchanges of SCIM 2.0 as they come from the gateway."""

from directory.scim.api.service import ScimApi

__all__ = ["ScimApi"]
