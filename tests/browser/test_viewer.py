# SPDX-License-Identifier: Apache-2.0
"""The page of `dancepose view` in Chromium, opened as a file, without a network."""

from collections.abc import Iterator
import io
import os
from pathlib import Path
import shutil

import numpy as np
from PIL import Image
import pytest

if os.environ.get("DANCEPOSE_BROWSER") != "1":
    pytest.skip("asked for with DANCEPOSE_BROWSER=1", allow_module_level=True)

from dancepose.film_request import Dancer
from dancepose.web_viewer import write_viewer
from dancepose_addon.core.body.motion import BodyMotion

GRAPHICS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory, body) -> Path:
    """Two dancers who walk to the side; the second faces backwards."""
    pose = np.broadcast_to(np.eye(3, dtype=np.float32), (60, 24, 3, 3)).copy()
    trans = np.stack([np.linspace(0, 2, 60), np.full(60, 0.9), np.zeros(60)], axis=1).astype(np.float32)
    turned = pose.copy()
    turned[:, 0] = [[-1, 0, 0], [0, 1, 0], [0, 0, -1]]
    motions = [BodyMotion(one, trans, np.zeros(10, np.float32), 1.0, 30.0) for one in (pose, turned)]
    out = tmp_path_factory.mktemp("viewer") / "view.html"
    write_viewer(out, [Dancer(body, one, name) for one, name in zip(motions, "AB", strict=True)], title="Two")
    return out


@pytest.fixture
def viewer(browser, page_file: Path) -> Iterator:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    graphic = browser.browser_type.launch(executable_path=program, args=GRAPHICS)
    page = graphic.new_page(viewport={"width": 480, "height": 320})
    page.set_default_timeout(120000)
    page.errors, page.fetched = [], []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("request", lambda request: page.fetched.append(request.url))
    page.goto(page_file.as_uri())
    page.wait_for_selector("body[data-ready=yes]")
    yield page
    graphic.close()


def shown(page) -> np.ndarray:
    picture = Image.open(io.BytesIO(page.locator("#view").screenshot())).convert("RGB")
    return np.asarray(picture).astype(int)


@pytest.mark.slow
def test_the_viewer_draws_scrubs_and_turns_without_a_network(viewer, pictures: Path) -> None:
    first = shown(viewer)
    viewer.screenshot(path=str(pictures / "viewer.png"))
    width = first.shape[1] // 2
    backdrop = first[5, width // 2]
    for half in (first[:, :width], first[:, width:]):
        # Hair, shirt and trousers are darker than the floor and the backdrop, in the middle of each half.
        middle = half[half.shape[0] // 4 : -half.shape[0] // 5, width // 2 - 12 : width // 2 + 12]
        assert (np.abs(middle - backdrop).sum(axis=2) > 60).mean() > 0.2

    # The face of the one who faces the camera is seen, and only the back of the other's head.
    skin = [int((half[..., 0] > half[..., 2] + 25).sum()) for half in (first[:, :width], first[:, width:])]
    assert skin[0] > skin[1] + 20
    viewer.locator("#follow").uncheck()
    before = shown(viewer)
    viewer.locator("#bar").evaluate("bar => { bar.value = 1.5; bar.dispatchEvent(new Event('input')); }")
    viewer.wait_for_function("document.getElementById('time').textContent.startsWith('1.5')")
    assert (np.abs(shown(viewer) - before).sum(axis=2) > 60).mean() > 0.01
    turned = shown(viewer)
    viewer.mouse.move(200, 100)
    viewer.mouse.down()
    viewer.mouse.move(300, 120, steps=3)
    viewer.mouse.up()
    assert (np.abs(shown(viewer) - turned).sum(axis=2) > 60).mean() > 0.01
    viewer.locator("#play").click()
    viewer.wait_for_function("document.getElementById('play').textContent === 'Pause'")
    assert viewer.errors == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in viewer.fetched)
