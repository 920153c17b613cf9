# SPDX-License-Identifier: Apache-2.0
"""Real browser, real server. Asked for with DANCEPOSE_BROWSER=1 (`make test-browser`)."""

from collections.abc import Callable, Iterator
import os
from pathlib import Path
import shutil
import socket
import threading
import time

import pytest

if os.environ.get("DANCEPOSE_BROWSER") != "1":
    collect_ignore_glob = ["test_*.py"]
else:
    pytest.importorskip("playwright")
    from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
    import uvicorn

    from dancepose.rating.pack.packing import PackOptions, make_pack
    from dancepose.rating.server.serving import PreparedServer, ServeOptions, prepare_server
    from tests.browser.rater import LISTEN
    from tests.support.rating_cases import small_plan

    expect.set_options(timeout=30000)
    PICTURES = Path(__file__).parents[2] / "build" / "browser"

    class RunningServer:
        """A server in a thread; can be stopped and started again."""

        def __init__(self, root: Path) -> None:
            self.root = root
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            self.start()

        def start(self) -> None:
            self.prepared: PreparedServer = prepare_server(self.root, ServeOptions(port=self.port), token="owner")
            config = uvicorn.Config(
                self.prepared.app, port=self.port, log_level="error", access_log=False, lifespan="off"
            )
            self.server = uvicorn.Server(config)
            self.thread = threading.Thread(target=self.server.run, daemon=True)
            self.thread.start()
            while not self.server.started:
                time.sleep(0.02)

        def stop(self) -> None:
            self.server.should_exit = self.server.force_exit = True
            self.thread.join(20)
            self.prepared.desk.store.close()

        @property
        def address(self) -> str:
            return self.prepared.address

    @pytest.fixture(scope="session")
    def pictures() -> Path:
        PICTURES.mkdir(parents=True, exist_ok=True)
        return PICTURES

    @pytest.fixture(scope="session")
    def browser() -> Iterator["Browser"]:
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if program is None:
            pytest.skip("Debian's chromium is not installed")
        with sync_playwright() as player:
            browser = player.chromium.launch(
                executable_path=program, args=["--no-sandbox", "--mute-audio", "--disable-gpu"]
            )
            yield browser
            browser.close()

    @pytest.fixture
    def context(browser: "Browser") -> Iterator["BrowserContext"]:
        context = browser.new_context(locale="en-GB", accept_downloads=True)
        context.add_init_script(LISTEN)
        context.set_default_timeout(20000)
        yield context
        context.close()

    @pytest.fixture
    def page(context: "BrowserContext") -> Iterator["Page"]:
        """A page whose faults fail the test."""
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: "Content Security" in said.text and faults.append(said.text))
        yield page
        assert faults == []

    @pytest.fixture
    def rating(tmp_path: Path) -> Path:
        """A packed rating of short films."""
        small_plan(tmp_path, length_s=0.8)
        make_pack(tmp_path, PackOptions())
        return tmp_path

    @pytest.fixture
    def serve() -> Iterator[Callable[[Path], RunningServer]]:
        running: list[RunningServer] = []

        def start(root: Path) -> RunningServer:
            running.append(RunningServer(root))
            return running[-1]

        yield start
        for server in running:
            server.stop()
