"""Bodies at rest."""

from __future__ import annotations

import pytest

from fhir_server.store.codec import PLAIN, ZSTD, compressor, decode, encode

BODY = b'{"resourceType":"Patient","id":"1"}'


@pytest.mark.parametrize("body", [b"", BODY, bytes(range(256)) * 9])
def test_a_body_comes_back_from_every_codec(body: bytes):
    pytest.importorskip("zstandard", reason="zstandard is not installed")
    assert decode(encode(body)) == body
    assert decode(compressor()(body)) == body


def test_the_first_byte_names_the_codec():
    assert encode(BODY) == b"\x00" + BODY


def test_only_what_shrinks_is_compressed():
    pytest.importorskip("zstandard", reason="zstandard is not installed")
    compress = compressor()
    assert compress(BODY)[:1] == PLAIN
    assert compress(BODY * 100)[:1] == ZSTD
    assert len(compress(BODY * 100)) < len(BODY) * 10


@pytest.mark.parametrize("data", [b"", b"\x02sealed", b"\xff"])
def test_an_unknown_codec_is_refused(data: bytes):
    with pytest.raises(ValueError, match="codec"):
        decode(data)
