"""plexus.directory.v1.SessionService: sessions and API tokens that are open."""

from typing import Any

from plexus.directory.v1 import session_service_pb2 as pb
from plexus_access.roles import GUEST
from plexuskit.request_ids import request_of
from plexuskit.timestamps import requested_field

from directory.accounts.queries import find_ended_sessions
from directory.shared.api.translation import acting
from directory.sign_in import operations, queries
from directory.sign_in.api.session_base import SessionRoom
from directory.sign_in.api.translation import api_token_to_proto, session_of_token, session_to_proto


class OpenSessionsApi(SessionRoom):
    """List and revoke sessions and API tokens."""

    async def ListSessions(
        self, request: pb.ListSessionsRequest, context: Any
    ) -> pb.ListSessionsResponse:
        """List sessions and API tokens."""
        actor = acting()
        found = await queries.list_sessions(
            self._store,
            actor=actor,
            person_id=request.person_id,
            page_size=request.page_size,
            page_token=request.page_token,
            now=self._clock.now(),
        )
        current = actor.session_id
        return pb.ListSessionsResponse(
            sessions=[
                *(session_to_proto(each, current_id=current) for each in found.sessions),
                *(session_of_token(each, current_id=current) for each in found.api_tokens),
            ],
            next_page_token=found.next_page_token,
        )

    async def RevokeSessions(
        self, request: pb.RevokeSessionsRequest, context: Any
    ) -> pb.RevokeSessionsResponse:
        """End a session, or all but the current one."""
        ended = await operations.revoke_sessions(
            self._store,
            actor=acting(),
            session_id=request.session_id,
            person_id=request.person_id,
            now=self._clock.now(),
        )
        return pb.RevokeSessionsResponse(ended=ended)

    async def CreateApiToken(
        self, request: pb.CreateApiTokenRequest, context: Any
    ) -> pb.CreateApiTokenResponse:
        """Make a token for an app."""
        actor = acting()
        made = await operations.create_api_token(
            self._store,
            actor=actor,
            name=request.name,
            person_id=request.person_id,
            scopes=request.scopes,
            expires_at=requested_field(request, "expires_at"),
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.CreateApiTokenResponse(
            api_token=api_token_to_proto(made.token), secret=made.secret
        )

    async def ResolveApiToken(
        self, request: pb.ResolveApiTokenRequest, context: Any
    ) -> pb.ResolveApiTokenResponse:
        """Return the holder of an API token to the gateway."""
        found = await operations.resolve_api_token(
            self._store, token_hash=request.token_hash, now=self._clock.now()
        )
        return pb.ResolveApiTokenResponse(
            api_token=api_token_to_proto(found.token),
            tenant_id=found.token.tenant_id,
            roles=found.person.roles,
            guest=GUEST in found.person.roles,
        )

    async def FindEndedSessions(
        self, request: pb.FindEndedSessionsRequest, context: Any
    ) -> pb.FindEndedSessionsResponse:
        """Find the sessions and API tokens that have ended."""
        ended = await find_ended_sessions(
            self._store, session_ids=request.session_ids, now=self._clock.now()
        )
        return pb.FindEndedSessionsResponse(ended_session_ids=ended)
