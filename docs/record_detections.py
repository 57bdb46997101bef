"""Record what a trained TinySSD predicts: the data of the figure on suppression (section 9.4).

``python docs/record_detections.py runs/latest/9.7``, after ``d2lzh-cv run 9.7 --quick --data synthetic``, writes
d2lzh_cv/interactive/suppression.json: the drawn picture and the boxes with a score of at least 0.05, none suppressed.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from mxnet import nd

from d2lzh_cv import boxes
from d2lzh_cv.data.synthetic import book_pictures
from d2lzh_cv.interactive import show
from d2lzh_cv.models.checkpoint import load_model

LOWEST, MOST, SEED = 0.05, 150, 0  # score, boxes, of the drawn picture
TARGET = Path(show.__file__).with_name("suppression.json")


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", help="folder of a trained TinySSD, such as runs/latest/9.7")
    net, description = load_model(parser.parse_args().checkpoint)
    picture = book_pictures.creatures(np.random.default_rng(SEED)).convert("RGB")
    small = np.asarray(picture.resize(description.edge_size), "float32").transpose(2, 0, 1)[None]
    anchors, cls_preds, bbox_preds = net(nd.array(small))
    scores = cls_preds.softmax(axis=-1)[0, :, 1].asnumpy()
    found = boxes.clip_boxes(boxes.decode_offsets(anchors[0], bbox_preds.reshape((-1, 4)))).asnumpy()
    best = [i for i in np.argsort(-scores, kind="stable")[:MOST] if scores[i] >= LOWEST]
    rows = [[0, round(float(scores[i]), 4), *(round(float(one), 4) for one in found[i])] for i in best]
    content = {"picture": show.plain(picture, 360), "rows": rows}
    TARGET.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{TARGET}: {len(rows)} boxes, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
