"""`routerhub generate`: make an image over gRPC."""

import itertools
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from google.protobuf import json_format

from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.cli.options import Refusal
from routerhub_server.client import (
    CallFailedError,
    Client,
    Picture,
    content_pictures,
    content_request,
    images_pictures,
    open_channel,
)

SUFFIXES = {"png": {".png"}, "jpeg": {".jpg", ".jpeg"}, "webp": {".webp"}}


def _text(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter("is not valid UTF-8") from error
    return value


def _key(_: click.Context, __: click.Parameter, value: str) -> str:
    if any(not "!" <= character <= "~" for character in value):
        raise click.BadParameter("an API key has visible ASCII characters alone")
    return value


def _seconds(_: click.Context, __: click.Parameter, value: float) -> float:
    if not 0 < value <= 86400:  # NaN fails it, too
        raise click.BadParameter("must be more than 0 and at most a day")
    return value


def _require_fitting_name(output: Path, format_: str | None) -> None:
    """A WebP in a .png surprises whoever opens it."""
    suffix = output.suffix.lower()
    if format_ in SUFFIXES and suffix in set().union(*SUFFIXES.values()) - SUFFIXES[format_]:
        raise click.UsageError(f"--format {format_} does not go with the name {output.name}")


OPENAI_OPTIONS = ("size", "quality", "background", "output_format", "output_compression")
GEMINI_OPTIONS = ("aspect_ratio", "image_size", "edit")


@click.command()
@click.argument("prompt", callback=_text)
@click.option("--model", required=True, help="E.g. google/gemini-3-pro-image or openai/gpt-image-2.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option(
    "-n", "count", type=click.IntRange(1, 10), default=1, show_default=True, help="How many images."
)
@click.option(
    "--edit",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Image to edit (Gemini models); repeatable.",
)
@click.option("--aspect-ratio", help="Gemini models, e.g. 16:9.")
@click.option("--image-size", help="Gemini models, e.g. 2K.")
@click.option("--size", help="OpenAI models, e.g. 1536x1024.")
@click.option("--quality", help="OpenAI models: low, medium, high, auto.")
@click.option("--background", help="OpenAI models: transparent, opaque, auto.")
@click.option("--format", "output_format", help="OpenAI models: png, jpeg, webp.")
@click.option("--compression", "output_compression", type=int, help="OpenAI models: 0-100, jpeg and webp.")
@click.option(
    "--grpc", "address", default="127.0.0.1:50051", show_default=True, help="The gateway's gRPC address."
)
@click.option(
    "--key",
    envvar="ROUTERHUB_API_KEY",
    required=True,
    callback=_key,
    help="API key; better in ROUTERHUB_API_KEY.",
)
@click.option(
    "--timeout", type=float, callback=_seconds, default=600, show_default=True, help="Seconds, for each call."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was made as one JSON object.")
def generate(**options: Any) -> None:
    """Generate or edit an image, over gRPC."""
    _require_writable(options["output"].parent)  # before an image is paid for
    made, failure = Made(), ""
    try:
        with open_channel(options["address"]) as channel:
            make(Client(channel, options["key"], options["timeout"]), options, made)
    except (CallFailedError, OSError) as error:
        failure = str(error)
    paths = keep(made.pictures, options["output"])
    if paths:
        _report(made, paths, options)
    if failure or not paths:
        raise Refusal(failure or f"no image came back. {made.text}".strip())


def _report(made: "Made", paths: list[Path], options: dict[str, Any]) -> None:
    if options["as_json"]:
        click.echo(
            json.dumps({"files": [str(path) for path in paths], "usage": made.usage, "text": made.text})
        )
    else:
        for path, picture in zip(paths, made.pictures, strict=True):
            click.echo(f"{path}  {picture.mime_type}  {len(picture.data):,} bytes")


class Made:
    """What one or several calls brought."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.text = ""
        self.usage: list[dict[str, Any]] = []


def make(client: Client, options: dict[str, Any], made: Made) -> None:
    """Call the service as often as `-n` asks; `made` keeps what came before a failure.

    Raises CallFailedError, OSError (an input image), click.UsageError.
    """
    if "gpt-image" in options["model"] or options["model"].startswith("openai/"):
        _refuse(options, GEMINI_OPTIONS, "OpenAI")
        _require_fitting_name(options["output"], options["output_format"])
        _openai(client, options, made)
    else:
        _refuse(options, OPENAI_OPTIONS, "Gemini")
        _gemini(client, options, made)


def _openai(client: Client, options: dict[str, Any], made: Made) -> None:
    request = GenerateImagesRequest(model=options["model"], prompt=options["prompt"], n=options["count"])
    for name in OPENAI_OPTIONS:
        if options[name] is not None:
            setattr(request, name, options[name])
    with progress("generating"):
        response = client.images(request)
    made.pictures = images_pictures(response)
    made.usage = [json_format.MessageToDict(response.usage, preserving_proto_field_name=True)]


def _gemini(client: Client, options: dict[str, Any], made: Made) -> None:
    request = content_request(
        options["prompt"],
        options["model"],
        options["edit"],
        aspect_ratio=options["aspect_ratio"],
        image_size=options["image_size"],
    )
    for number in range(1, options["count"] + 1):  # Gemini's image models make one candidate a call
        with progress(f"generating {number} of {options['count']}"):
            response = client.content(request)
        made.pictures += content_pictures(response)
        made.usage.append(json_format.MessageToDict(response.usage_metadata))
        made.text = "".join(
            part.text for c in response.candidates for part in c.content.parts if not part.thought
        )


def _refuse(options: dict[str, Any], names: tuple[str, ...], vendor: str) -> None:
    for name in names:
        if options[name]:
            flag = "--" + name.removeprefix("output_").replace("_", "-")
            raise click.UsageError(f"{flag} is not an option of {vendor} models")


def _require_writable(directory: Path) -> None:
    if not directory.is_dir():
        raise Refusal(f"there is no directory {directory} to write to")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise Refusal(f"the directory {directory} cannot be written to")


def keep(pictures: list[Picture], output: Path) -> list[Path]:
    """`save`, or if that fails save elsewhere: the images are paid for."""
    try:
        return save(pictures, output)
    except OSError as error:
        elsewhere = Path(tempfile.mkdtemp(prefix="routerhub-"), output.name)
        click.echo(f"routerhub: {output}: {error.strerror}; writing to {elsewhere.parent} instead", err=True)
        return save(pictures, elsewhere)


def save(pictures: list[Picture], output: Path) -> list[Path]:
    """Write the images: one to `output`, several to `output` numbered from 1 before the suffix."""
    paths = [output]
    if len(pictures) != 1:
        paths = [output.with_stem(f"{output.stem}-{number}") for number in range(1, len(pictures) + 1)]
    for path, picture in zip(paths, pictures, strict=True):
        path.write_bytes(picture.data)
    return paths


@contextmanager
def progress(what: str, write: Callable[[str], Any] = sys.stderr.write) -> Iterator[None]:
    """Seconds counted on a terminal while the call runs; silent elsewhere."""
    done = threading.Event()
    thread = threading.Thread(target=_tick, args=(what, done, write), daemon=True)
    if sys.stderr.isatty():
        thread.start()
    try:
        yield
    finally:
        done.set()
        if thread.is_alive():
            thread.join()


def _tick(what: str, done: threading.Event, write: Callable[[str], Any]) -> None:
    started = time.monotonic()
    for frame in itertools.cycle("|/-\\"):
        write(f"\r{frame} {what} {time.monotonic() - started:.0f} s ")
        sys.stderr.flush()
        if done.wait(0.2):
            write("\r\033[K")
            return
