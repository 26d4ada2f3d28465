"""The demo project: landscapes that the program paints itself, some with more care than others."""

import io

import numpy as np
import PIL.Image
from django.db import transaction
from numpy.typing import NDArray

from annotation.models import Project, User
from annotation.services.images import add_image
from annotation.services.projects import create_project

WIDTH, HEIGHT = 960, 640
VARIANTS = 6

Colour = tuple[int, int, int]
# Prompt: the sky at the top and at the horizon, the land far and near, the sun's height (0 is the top).
SCENES: dict[str, tuple[Colour, Colour, Colour, Colour, float]] = {
    "Sunset over the mountains": ((44, 40, 96), (255, 158, 94), (150, 84, 110), (28, 18, 40), 0.44),
    "Morning mist in the hills": (
        (150, 190, 220),
        (250, 240, 222),
        (176, 196, 198),
        (46, 84, 76),
        0.3,
    ),
    "Moonlit ridge in winter": ((8, 12, 36), (62, 84, 140), (118, 138, 178), (14, 20, 44), 0.22),
}


@transaction.atomic
def create_demo_project(user: User) -> Project:
    project = create_project(
        user,
        name="Demo: painted landscapes",
        state=Project.State.OPEN,
        instructions="Which picture is the better one for its prompt? Trust your first impression.",
    )
    for prompt in SCENES:
        for variant in range(VARIANTS):
            add_image(
                project,
                paint(prompt, variant),
                name=f"{prompt.split()[0].lower()}-{variant + 1}.jpg",
                prompt=prompt,
                model=f"painter-{1 + variant % 3}",
            )
    return project


def paint(prompt: str, variant: int) -> bytes:
    """A landscape as JPEG; the same arguments give the same bytes."""
    top, horizon, far, near, sun = SCENES[prompt]
    chance = np.random.default_rng([list(SCENES).index(prompt), variant])
    canvas = _sky(top, horizon)
    _shine(canvas, chance.uniform(0.25, 0.75), sun, glow=chance.uniform(0.03, 0.16))
    # What sets the painters apart: how many ridges, how rugged, and how grainy.
    ridges, rugged = int(chance.integers(2, 8)), chance.uniform(0.4, 1.6)
    for depth in np.linspace(0, 1, ridges):
        colour = (1 - depth) * np.array(far) + depth * np.array(near)
        height = HEIGHT * (0.5 + 0.38 * depth) + _ridge(chance, rugged * (0.4 + depth))
        canvas[np.arange(HEIGHT)[:, None] > height[None, :]] = colour
    canvas += chance.normal(0, chance.uniform(0, 14), canvas.shape)
    encoded = io.BytesIO()
    PIL.Image.fromarray(canvas.clip(0, 255).astype(np.uint8)).save(encoded, "JPEG", quality=90)
    return encoded.getvalue()


def _sky(top: Colour, horizon: Colour) -> NDArray[np.float64]:
    down = np.linspace(0, 1, HEIGHT)[:, None, None] ** 0.8
    return np.broadcast_to((1 - down) * top + down * horizon, (HEIGHT, WIDTH, 3)).astype(float)


def _shine(canvas: NDArray[np.float64], x: float, y: float, glow: float) -> None:
    """A disc of light at (x, y), as shares of width and height, and its glow."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    distance = np.hypot(columns - x * WIDTH, rows - y * HEIGHT) / HEIGHT
    light = np.exp(-((distance / glow) ** 1.2)) * 0.6 + 1 / (1 + np.exp((distance - 0.045) * 400))
    canvas += light.clip(0, 1)[:, :, None] * (np.array([255, 244, 214]) - canvas)


def _ridge(chance: np.random.Generator, rugged: float) -> NDArray[np.float64]:
    """The outline of a ridge, in pixels around its mean height: waves, each shorter and lower."""
    x = np.linspace(0, 2 * np.pi, WIDTH)
    waves = [
        np.sin(frequency * x + chance.uniform(0, 2 * np.pi)) / frequency**1.1
        for frequency in chance.uniform(0.6, 1.6, size=7) * 1.9 ** np.arange(7)
    ]
    return np.asarray(np.sum(waves, axis=0) * 38 * rugged)
