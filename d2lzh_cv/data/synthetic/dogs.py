"""The tiny dog set of section 9.13: eight breeds that differ in coat, ears, muzzle and pattern, in one archive."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from . import animals, backgrounds, faces, pen
from .animals import Beast
from .pen import Pen
from .zips import write_zip

TRAIN, VALID, TEST = 12, 4, 16  # training and validation pictures per breed; test pictures of all breeds
ROOT = "train_valid_test_tiny"  # the folder in the book's archive


def _breed(coat, chest, mark, pattern, ears, ear, snout, tail, legs, extra="") -> Beast:
    return replace(animals.DOG, coat=coat, chest=chest, mark=mark, pattern=pattern, ears=ears, ear=ear, snout=snout,
                   tail=tail, legs=legs, extra=extra)


BREEDS = {
    "beagle": _breed((190, 125, 70), (245, 240, 230), (60, 45, 38), "saddle", "flop", 0.3, 0.2, "thin", 0.38),
    "boxer": _breed((190, 130, 80), (235, 215, 190), (50, 40, 38), "mask", "flop", 0.16, 0.08, "stub", 0.5),
    "dalmatian": _breed((242, 240, 236), None, (38, 36, 38), "spots", "flop", 0.24, 0.26, "thin", 0.52),
    "golden_retriever": _breed((222, 175, 105), (238, 208, 155), (150, 105, 60), "", "flop", 0.26, 0.25, "bushy", 0.46),
    "miniature_schnauzer": _breed((110, 112, 116), (225, 225, 225), (60, 60, 62), "", "point", 0.1, 0.22, "stub", 0.36,
                                  "beard"),
    "pembroke": _breed((205, 130, 65), (248, 242, 232), (150, 85, 40), "blaze", "point", 0.26, 0.22, "stub", 0.2),
    "pug": _breed((222, 196, 158), (222, 196, 158), (42, 36, 36), "mask", "flop", 0.13, 0.02, "curl", 0.28),
    "siberian_husky": _breed((95, 100, 112), (246, 247, 250), (60, 64, 74), "blaze", "point", 0.19, 0.24, "bushy",
                             0.48),
}


def draw_kaggle_dog(folder: Path, rng: np.random.Generator) -> None:
    """Write train_valid_test_tiny.zip with the book's folders, and in it labels.csv with the breed of each id."""
    members, labels = {}, []
    for breed, beast in BREEDS.items():
        for part, count in (("train", TRAIN), ("valid", VALID)):
            for _ in range(count):
                name, data = _identity(rng), pen.encoded(picture(rng, beast), "JPEG", quality=90)
                members[f"{ROOT}/{part}/{breed}/{name}.jpg"] = data
                members[f"{ROOT}/train_valid/{breed}/{name}.jpg"] = data
                labels.append((name, breed))
    kinds = list(BREEDS.values())
    for i in range(TEST):
        data = pen.encoded(picture(rng, kinds[i % len(kinds)]), "JPEG", quality=90)
        members[f"{ROOT}/test/unknown/{_identity(rng)}.jpg"] = data
    rows = "".join(f"{name},{breed}\n" for name, breed in sorted(labels))
    members[f"{ROOT}/labels.csv"] = f"id,breed\n{rows}".encode()
    write_zip(folder / f"{ROOT}.zip", dict(sorted(members.items())))


def picture(rng: np.random.Generator, breed: Beast) -> Image.Image:
    """Draw a dog in 110 to 150 pixels per side: sitting, walking, or only its head."""
    size = tuple(int(side) for side in rng.integers(110, 151, 2))
    beast, view = animals.individual(rng, breed), rng.choice(3, p=[0.4, 0.2, 0.4])
    places = (backgrounds.meadow, backgrounds.room, backgrounds.street, backgrounds.texture, backgrounds.cloth)
    scene = backgrounds.anywhere(rng, size, places, 0.5)
    x, y = (np.array(size) * (0.5 + rng.uniform(-0.06, 0.06, 2))).tolist()
    place = (x, y, min(size) * rng.uniform(0.4, 0.5), rng.normal(0, 0.08), rng.random() < 0.5)
    p, front = (Pen(size, 3).place(*place) for _ in range(2))
    if view == 0:
        faces.sitting(p, rng, beast, front)
    elif view == 1:
        animals.from_the_side(p, rng, beast)
    else:
        p.smooth([(-0.75, 1.4), (-0.5, 0.5), (0.5, 0.5), (0.75, 1.4)], beast.coat)
        faces.head(p, rng, beast, 0, -0.05, 0.72, front)
    layer = faces.fur(pen.shade(p.layer(), rng), rng, 500, 4)
    layer.alpha_composite(front.layer())
    image = pen.relight(pen.lay(scene, layer), rng, 0.2)
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.6)))


def _identity(rng: np.random.Generator) -> str:
    """Return a random name as in the real set: 32 hexadecimal digits."""
    return rng.bytes(16).hex()
