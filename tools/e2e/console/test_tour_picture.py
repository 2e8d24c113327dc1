"""Make the animated picture of the README. It shows the board, a failing pipeline, its run, its client, connections."""

import io
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Page

from tools.e2e.console.conftest import LogInFunction
from tools.e2e.console.test_screens import PAGES, open_page

# The title of each frame, by the name of its page in test_screens.
TITLE_BY_PAGE = {
    "board": "What is failing, what changed, what is late",
    "pipeline": "A failing pipeline: its last runs, and since when",
    "run": "The run that failed, with its error text",
    "client": "All pipelines of the client",
    "connections": "Where runs come from, and whether that works",
}
FRAME_SIZE = (840, 556)
SECONDS_PER_FRAME = 2.5
MAX_PICTURE_BYTES = 400_000


def frame_with_title(page: Page, title: str) -> Image.Image:
    """Return a picture that has the title in its first line, and the page below."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").resize(FRAME_SIZE, Image.Resampling.LANCZOS)
    titled = Image.new("RGB", (FRAME_SIZE[0], FRAME_SIZE[1] + 34), "#1f2937")
    titled.paste(picture, (0, 34))
    ImageDraw.Draw(titled).text((12, 8), title, fill="white", font_size=16)
    return titled


def test_the_tour_picture_is_animated_and_small(log_in: LogInFunction, screenshots: Path) -> None:
    page = log_in("administrator")
    frames = []
    for name, title in TITLE_BY_PAGE.items():
        page.goto("/admin/")
        open_page(page, PAGES[name][1])
        frames.append(frame_with_title(page, title))

    path = screenshots / "tour.webp"
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=int(SECONDS_PER_FRAME * 1000),
        loop=0,
        quality=60,
        method=6,
    )

    with Image.open(path) as saved:
        assert getattr(saved, "n_frames", 1) == len(TITLE_BY_PAGE)
    assert path.stat().st_size <= MAX_PICTURE_BYTES
