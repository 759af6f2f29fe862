"""A real S3 server (moto's) on this machine, which can be told to fail."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from pyarrow.fs import FileSystem
from werkzeug.serving import make_server

BUCKET = "bucket"
SECRETS = ("ACCESSKEY", "SECRETKEY")
logging.getLogger("werkzeug").setLevel(logging.ERROR)


@dataclass
class Fault:
    """What happens to requests that it is meant for: an HTTP status, or `seconds` of silence before the answer.

    method, part: which requests, by their method and a part of their path. times: to how many of them.
    """

    status: int | None = None
    seconds: float = 0.0
    method: str = ""
    part: str = ""
    times: float = float("inf")

    def meant(self, environ: dict[str, Any]) -> bool:
        return self.times > 0 and self.method in environ["REQUEST_METHOD"] and self.part in environ["PATH_INFO"]


@dataclass
class Server:
    """moto's S3, with a bucket, behind a middleware that applies `faults`."""

    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)  # method and path of all that came
    port: int = 0

    def __post_init__(self) -> None:
        self.app = DomainDispatcherApplication(create_backend_app)
        self.start()
        filesystem, _ = FileSystem.from_uri(self.uri(""))
        filesystem.create_dir(BUCKET)

    def __call__(self, environ: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
        self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        fault = next((fault for fault in self.faults if fault.meant(environ)), None)
        if fault is None:
            return self.app(environ, respond)
        fault.times -= 1
        if fault.seconds:
            time.sleep(fault.seconds)
        if fault.status is None:
            return self.app(environ, respond)
        respond(f"{fault.status} Injected", [("Content-Length", "0")])
        return []

    def start(self) -> None:
        """Listen; again on the same port after `stop`."""
        self.server = make_server("127.0.0.1", self.port, self, threaded=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        self.server.shutdown()
        self.server.server_close()

    def uri(self, folder: str, key: str = SECRETS[0], secret: str = SECRETS[1]) -> str:
        """Of a folder in the bucket."""
        options = f"scheme=http&region=us-east-1&endpoint_override={quote(f'127.0.0.1:{self.port}')}"
        return f"s3://{key}:{secret}@{BUCKET}/{folder}?{options}&allow_bucket_creation=true"
