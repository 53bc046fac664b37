"""Existing ids, names and numbers for generated requests."""

import json
import secrets
from typing import Any

from plexus_sdk import Plexus
from plexus_testkit.harness import PASSWORD

_USER = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "scim.user",
    "displayName": "Scim",
    "active": True,
    "emails": [{"value": "scim@example.com", "primary": True}],
}


_PATCH = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": 'emails[type eq "work"].value', "value": "a@b.c"}],
}


def _ids(
    target: str, rooms: list[str], departments: list[str], *, group: str, role: str
) -> dict[str, list[Any]]:
    people = ("person_id", "person_ids", "member_ids", "assignee_ids", "owner_id", "manager_id")
    more = ("sender_id", "leader_id", "deputy_id", "add_ids", "remove_ids", "mention_person_id")
    of_departments = ("department_id", "department_ids", "parent_id", "into_id", "child_ids")
    return {
        **{name: [target] for name in (*people, *more, "actor_id", "assignee_id")},
        **dict.fromkeys(("conversation_id", "to_conversation_id"), rooms),
        **dict.fromkeys((*of_departments, "except_department_ids"), departments),
        "group_id": [group],
        "role_id": [role],
        "second_factor_role_ids": [role],
        "subject": [f"person:{target}", f"group:{group}#member"],
        "scope": [f"department:{departments[0]}", ""],
        "sets": [f"group:{group}", f"department:{departments[0]}"],
        "object": [f"conversation:{rooms[0]}", f"person:{target}", ""],
        "ObjectRef.kind": ["message", "person", "task", "conversation"],
        "container_id": rooms,
        "request_id": [lambda: secrets.token_hex(8)],
        "external_id": [lambda: f"fuzz:{secrets.token_hex(4)}"],
    }


def _words(handles: dict[str, str]) -> dict[str, list[Any]]:
    return {
        "handle": [handles["target"], lambda: f"p-{secrets.token_hex(4)}"],
        "handles": [handles["target"]],
        "display_name": ["张伟"],
        "name": ["name", "名字", lambda: secrets.token_hex(4)],
        "SetModuleRequest.name": ["search"],
        "title": ["Title"],
        "text": ["hello", "**bold** and `code`", "你好 @某人\n> quote"],
        "email": ["a@example.com"],
        "password": [PASSWORD],
        # Wrong passwords soon lock the handle; a locked handle costs no password hash.
        "SignInRequest.handle": [handles["target"]],
        "SignInRequest.password": ["not the password"],
        "old_password": [PASSWORD],
        "new_password": [PASSWORD],
        "bootstrap_secret": ["not the secret"],
        "time_zone": ["Asia/Shanghai", "Europe/Paris"],
        "locale": ["zh-CN", "en"],
        "locales": ["zh-CN"],
        "roles": ["member"],
        "permission": ["messages.send"],
        "permissions": ["tasks.read"],
        "scopes": ["tasks.read", "messages.read"],
        "fields": ["id", "handle"],
        "message": ["plexus.directory.v1.Person"],
        "emoji": ["thumbsup", "👍"],
        "add": ["label"],
        "remove": ["label"],
        "link": ["https://example.com/a"],
        "url": ["https://example.com/f.pdf"],
        "media_type": ["application/pdf"],
        "code_block": ["python"],
        "query": ["hello", "你好 -x"],
        "types": ["message", "task", "person"],
        "topics": ["directory.person.v1", "messaging.conversation.v1", "tasks.task.v1"],
        "cedar": ['forbid(principal, action == Plexus::Action::"tasks.create", resource);'],
        "issuer": ["https://login.example.com"],
        "redirect_uris": ["https://app.example.com/cb"],
        "redirect_uri": ["http://127.0.0.1:1234/cb"],
        "email_domains": ["example.com"],
        "date": ["2030-01-31"],
        "start": ["22:00"],
        "end": ["07:00"],
        "passkey_json": ["{}", '{"id":"x","response":{}}'],
        "credential_json": ["{}", '{"id":"x","response":{}}'],
    }


def _scim(target: str) -> dict[str, list[Any]]:
    return {
        "method": ["GET", "POST", "PUT", "PATCH"],
        "path": ["/Users", f"/Users/{target}", "/Groups", "/Schemas", "/ServiceProviderConfig"],
        "ExchangeScimRequest.query": ['filter=userName eq "x"', "startIndex=1&count=5", ""],
        "body": [json.dumps(_USER), json.dumps(_PATCH), "{}", ""],
        "base_url": ["http://127.0.0.1/scim/v2"],
        "key": ["content-type", "if-match", "accept"],
        "value": ["application/scim+json", 'W/"1"', "*/*"],
    }


def _numbers(fuzzer: Plexus) -> dict[str, list[Any]]:
    return {
        "seconds": [0, 1_700_000_000, 1_900_000_000, 4_000_000_000],
        "seq": [1, 2, 3, 99],
        "seqs": [1, 2, 3],
        "root_seq": [0, 1],
        "reply_to_seq": [0, 1, 99],
        "quote_seq": [0, 1, 99],
        "weekdays": [1, 3, 7],
        "start_minute": [540],
        "end_minute": [720, 1_080],
        "Span.start": [0, 1],
        "length": [1, 3],
        "version": [0, 1],
        "session_id": [fuzzer.profile.session_id],
        "session_ids": [fuzzer.profile.session_id, "ses_none"],
    }
