"""The gateway's own ports with a certificate: clients need none of their own."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from gateway.config import PublicTlsSection
from plexus.directory.v1.directory_service_pb2 import GetPersonRequest
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from plexus_local.certificates import CertificateAuthority, replace_file
from plexus_testkit.wait import eventually

PATH = "/plexus.directory.v1.DirectoryService/GetPerson"


@pytest.fixture
def ca() -> CertificateAuthority:
    return CertificateAuthority()


def install(ca: CertificateAuthority, folder: Path) -> PublicTlsSection:
    pair = ca.issue_public("plexus.example.com", "127.0.0.1")
    section = PublicTlsSection(cert_file=folder / "tls.crt", key_file=folder / "tls.key")
    replace_file(section.key_file, pair.key)
    replace_file(section.cert_file, pair.cert)
    return section


@pytest.fixture
def public_tls(ca: CertificateAuthority, tmp_path: Path) -> PublicTlsSection:
    return install(ca, tmp_path)


async def native(running: Any, ca: CertificateAuthority) -> bool:
    target = f"127.0.0.1:{running.grpc_port}"
    async with grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(ca.pem)) as channel:
        stub: Any = DirectoryServiceStub(channel)
        request = GetPersonRequest(person_id="per_bob")
        response = await stub.GetPerson(request, metadata=running.bearer(), timeout=5)
    return bool(response.person.id == "per_bob")


async def browser(running: Any, ca: CertificateAuthority) -> int:
    context = ssl.create_default_context(cadata=ca.pem.decode())
    headers = {"authorization": running.bearer()[0][1]}
    url = f"https://127.0.0.1:{running.http_port}{PATH}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={}, headers=headers, ssl=context) as response,
    ):
        return response.status


async def test_gw_01_both_ports_speak_tls_and_follow_their_certificate(
    running: Any, ca: CertificateAuthority, tmp_path: Path
) -> None:
    assert await native(running, ca)
    assert await browser(running, ca) == 200

    fresh = CertificateAuthority("The next CA")
    install(fresh, tmp_path)

    assert await native(running, fresh)
    assert await eventually(lambda: browser(running, fresh), within=30) == 200


async def test_gw_01_plain_text_finds_nobody_there(running: Any) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.grpc_port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await channel.unary_unary(PATH)(b"", timeout=5)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE

    reader, writer = await asyncio.open_connection("127.0.0.1", running.http_port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert b"HTTP/1.1" not in await asyncio.wait_for(reader.read(), 10)
    writer.close()
