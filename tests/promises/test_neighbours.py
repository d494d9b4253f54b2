"""Other packs change what all share: images are shown as they are, and the key stays secret."""

from __future__ import annotations

import contextlib
import http.client
import io
import locale
import socket
import ssl
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import torch
import urllib3
from PIL import Image, ImageFile

import node_calls
import posting
from bench import KEY, Bench
from faulty_sandbox import Fault
from scripted_server import ScriptedServer, saying
from venice_client import VeniceClient
from venice_client.errors import BadResponseError, UntrustedCertificateError
from venice_client.imaging import images
from venice_client.transport import connections

ROOT = Path(__file__).resolve().parents[2]
FORMATS = ("PNG", "JPEG", "WEBP")


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def image_of(side: int) -> Image.Image:
    """An image in which no row is like another."""
    return Image.radial_gradient("L").resize((side, side)).convert("RGB")


def png_of(pixels: bytes, side: int) -> bytes:
    """A PNG in RGB with these packed pixels, all of whose checksums are right."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


@pytest.mark.parametrize("format", FORMATS)
def test_a_lower_limit_of_pillow_refuses_no_image(
    format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = image_of(512)
    data = encoded(image, format)
    wanted = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    read = images.EncodedImage.read(data)

    assert (read.width, read.height) == image.size
    assert np.array_equal(images.decode(read), wanted)
    out = np.empty((512, 512, 4), np.float32)
    images.decode_into(read, out)
    assert np.array_equal(out[..., :3], wanted / np.float32(255))


def test_a_lower_limit_of_pillow_refuses_no_image_of_a_node(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is lowered once the sandbox has drawn the image, which is in this process, too."""

    def lower(answer: Any, _request: Any) -> Any:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        return answer

    bench.sandbox.add_fault(Fault("lowered", alter=lower))
    end = bench.generate(width=1024, height=512)
    assert tuple(end.tensor.shape) == (1, 512, 1024, 3)


def packed(side: int) -> bytes:
    return zlib.compress(b"".join(b"\0" + bytes([y % 256]) * side * 3 for y in range(side)))


CUT = {
    "half of the pixels": png_of(packed(64)[: len(packed(64)) // 2], 64),
    "all but the end of the pixels": png_of(packed(64)[:-6], 64),
    "a broken stream": png_of(packed(64)[:100] + b"\xff" * 60 + packed(64)[160:], 64),
    "no pixels": png_of(b"", 64),
    "a cut JPEG": encoded(image_of(64), "JPEG")[:-200],
    "a cut WebP": encoded(image_of(64), "WEBP", lossless=True)[:-200],
}


@pytest.mark.parametrize("is_lenient", [False, True])
@pytest.mark.parametrize("name", CUT)
def test_half_an_image_is_none_though_pillow_is_to_take_it(
    name: str, is_lenient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow fills what is missing of it with grey."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", is_lenient)
    with pytest.raises(BadResponseError, match="may have been charged"):
        images.decode(CUT[name])


def test_pillows_list_of_formats_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others put their own readers into it, or a wrapper around `open`."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("somebody else's reader")

    made = {format: encoded(image_of(32), format) for format in FORMATS}
    shown = {format: images.decode(data) for format, data in made.items()}
    monkeypatch.setattr(Image, "OPEN", dict.fromkeys(FORMATS, (fail, None)))
    monkeypatch.setattr(Image, "open", fail)
    for format, data in made.items():
        assert np.array_equal(images.decode(data), shown[format])


def test_warnings_that_are_errors_cost_no_image() -> None:
    """Pillow warns of damaged EXIF, and of an animation that is none."""
    image = image_of(32)
    odd = b"II*\0" * 9
    acTL = struct.pack(">I4sIII", 8, b"acTL", 0, 0, zlib.crc32(b"acTL" + bytes(8)))
    png = encoded(image)
    made = (
        encoded(image, exif=odd),
        encoded(image, "WEBP", lossless=True, exif=odd),
        png[:33] + acTL + png[33:],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in made:
            assert np.array_equal(images.decode(data), np.asarray(image))
        assert images.decode(encoded(image, "JPEG", exif=b"Exif\0\0" + odd)).shape == (32, 32, 3)


@contextlib.contextmanager
def default_device() -> Iterator[None]:
    torch.set_default_device("meta")  # where no pixel is
    try:
        yield
    finally:
        torch.set_default_device(None)


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


MATHS: dict[str, Callable[[], Any]] = {
    "another device": default_device,
    "numbers of 64 bits": lambda: default_dtype(torch.float64),
    "numbers of 16 bits": lambda: default_dtype(torch.bfloat16),
    "numpy that raises": lambda: np.errstate(all="raise"),
    "numpy that prints otherwise": lambda: np.printoptions(threshold=1, precision=1),
}


@pytest.mark.long
@pytest.mark.parametrize("name", MATHS)
def test_the_defaults_of_torch_and_numpy_are_not_ours(name: str, bench: Bench) -> None:
    image = torch.from_numpy(np.asarray(image_of(256), np.float32) / 255)[None].contiguous()
    mask = torch.zeros(1, 200, 200)
    mask[:, 40:90, 60:120] = 1

    def run() -> list[torch.Tensor]:
        made = bench.generate(batch_size=2, width=128, height=64)
        inputs = {"image": image, "prompt": "snow", "model": "firered-image-edit", "mask": mask}
        edited = bench.run("VeniceEditImage", grow_mask=3, **inputs)
        cutout = bench.run("VeniceRemoveBackground", image=image)
        upscaled = bench.run("VeniceUpscaleImage", image=image, scale="2x", creativity=0.01)
        shown = [*made.shown, *edited.shown, *cutout.shown, *upscaled.shown]
        sheet = bench.pack.NODE_CLASS_MAPPINGS["VeniceContactSheet"]()
        (sheets,) = node_calls.call_with_lists(
            sheet, images=[made.tensor], labels=["a"], columns=[2], cell=[64]
        )
        return [part for part in (*shown, *sheets) if isinstance(part, torch.Tensor)]

    wanted = run()
    for path in bench.entries:
        path.unlink()
    with MATHS[name]():
        shown = run()
    assert len(shown) == len(wanted)
    for one, other in zip(shown, wanted, strict=True):
        assert one.dtype == other.dtype == torch.float32
        assert torch.equal(one, other)


def test_what_http_prints_holds_no_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It prints each header of each request, and ComfyUI writes that into its log."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    assert bench.generate().pictures == 1
    with contextlib.suppress(requests.ConnectionError):
        requests.get("http://127.0.0.1:1", timeout=9)  # where nobody listens
    printed = "".join(capfd.readouterr())
    assert KEY not in printed
    assert "authorization" not in printed.lower()


IMPATIENT = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from venice_client import GenerateRequest, VeniceClient
socket.setdefaulttimeout(0.05)
client = VeniceClient(key="test-key", base_url=sys.argv[2])
asked = GenerateRequest("z-image-turbo", "a fox", width=64, height=64, seed=7)
print(len(client.generate_images(asked).images))
"""


@pytest.mark.long
def test_the_default_timeout_of_sockets_is_not_ours(bench: Bench) -> None:
    bench.sandbox.add_fault(Fault.latency(0.5))
    command = [sys.executable, "-c", IMPATIENT, str(ROOT), bench.sandbox.base_url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout == "1\n", done.stderr


def test_a_patched_session_sends_nothing_of_ours(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some send again, some cache, some write every header into a log."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("somebody else's send")

    for name in ("send", "request", "get", "post", "prepare_request", "merge_environment_settings"):
        monkeypatch.setattr(requests.Session, name, fail)
    assert bench.generate().pictures == 1


def test_retries_of_others_are_not_ours(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would pay again for what a gateway gave up."""
    eager = urllib3.Retry(3, status_forcelist=[504], allowed_methods=None, backoff_factor=0)
    made = requests.adapters.HTTPAdapter.__init__

    def init(self: Any, *args: Any, **options: Any) -> None:
        made(self, *args, **{**options, "max_retries": eager})

    monkeypatch.setattr(requests.adapters, "DEFAULT_RETRIES", 3)
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "__init__", init)
    monkeypatch.setattr(urllib3.Retry, "DEFAULT", eager)
    bench.sandbox.add_fault(Fault.status(504, charge=True), times=None)
    end = bench.generate()
    assert end.error_name == "GatewayError"
    assert len(end.sent) == 1


@pytest.fixture
def self_signed() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ROOT / "tests/client/transport/data/self-signed.pem")
    return context


def test_certificates_are_checked_whatever_others_switch_off(
    self_signed: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key would go to whoever is between."""
    real = requests.Session.merge_environment_settings

    def trust_all(self: Any, *args: Any) -> Any:
        return {**real(self, *args), "verify": False}

    monkeypatch.setattr(requests.Session, "merge_environment_settings", trust_all)
    monkeypatch.setattr(ssl, "_create_default_https_context", ssl._create_unverified_context)
    monkeypatch.setattr("venice_client.transport.transport.is_loopback", lambda _host: False)
    with ScriptedServer(saying(b""), tls=self_signed) as server:
        client = VeniceClient(key=KEY, base_url=server.base_url)
        with pytest.raises(UntrustedCertificateError):
            posting.post(client)
        assert server.requests == []


class Trusting(connections.NoRetryAdapter):
    """Takes the certificate that the scripted server shows."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        cafile = ROOT / "tests/client/transport/data/self-signed.pem"
        context = ssl.create_default_context(cafile=cafile)
        context.check_hostname = False
        super().init_poolmanager(*args, ssl_context=context, assert_hostname=False, **kwargs)


def test_a_replaced_kind_of_socket_is_no_obstacle(
    self_signed: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PySocks has everybody use its own, which the sockets of TLS are not."""
    monkeypatch.setattr(socket, "socket", type("socksocket", (socket.socket,), {}))
    session = requests.Session()
    session.mount("https://", Trusting())
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    with ScriptedServer(saying(answer), tls=self_signed) as server:
        client = VeniceClient(key=KEY, base_url=server.base_url, session=session)
        assert posting.post(client).body == b"{}"


def test_another_language_changes_no_number(bench: Bench) -> None:
    """Neither those that are sent, nor the dates of answers."""
    before = locale.setlocale(locale.LC_ALL)
    for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "tr_TR.UTF-8"):
        with contextlib.suppress(locale.Error):
            locale.setlocale(locale.LC_ALL, name)
            break
    else:
        pytest.skip("this system has no other language")
    try:
        bench.sandbox.add_fault(Fault.status(429))
        end = bench.generate(cfg_scale=1.5)
        assert end.pictures == 1
        assert end.sent[-1]["cfg_scale"] == 1.5
    finally:
        locale.setlocale(locale.LC_ALL, before)
