"""What every Python from 3.9 to 3.12 must be able to do (``make matrix``); none of it needs PyTorch."""
from __future__ import annotations

import io
import subprocess
import sys

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd
from PIL import Image


def test_gradient():
    x = nd.array([1.0, 2.0, 3.0])
    x.attach_grad()
    with autograd.record():
        y = (x * x).sum()
    y.backward()
    assert x.grad.asnumpy().tolist() == [2.0, 4.0, 6.0]


def test_hybridised_convolution_learns():
    mx.random.seed(0)
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Conv2D(4, 3, padding=1, activation="relu"), gluon.nn.GlobalAvgPool2D(), gluon.nn.Dense(2))
    net.initialize()
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
    label = nd.array([0, 1] * 8)
    image = label.reshape((-1, 1, 1, 1)).broadcast_to((16, 1, 8, 8))  # dark pictures and bright ones
    losses = []
    for _ in range(30):
        with autograd.record():
            loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(image), label)
        loss.backward()
        trainer.step(16)
        losses.append(loss.mean().asscalar())
    assert losses[-1] < 0.3 * losses[0]


def test_detection_operators():
    anchors = nd.contrib.MultiBoxPrior(nd.zeros((1, 3, 2, 2)), sizes=[0.5], ratios=[1])
    assert anchors.shape == (1, 4, 4)
    np.testing.assert_allclose(anchors[0, 0].asnumpy(), [0, 0, 0.5, 0.5], atol=1e-6)
    assert nd.ROIPooling(nd.arange(16).reshape((1, 1, 4, 4)), nd.array([[0, 0, 0, 1, 1]]), (1, 1), 1).asscalar() == 5


def test_jpeg_round_trip_through_a_record(tmp_path):
    picture = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=95)
    record = mx.recordio.MXRecordIO(str(tmp_path / "one.rec"), "w")
    record.write(mx.recordio.pack(mx.recordio.IRHeader(0, 3.0, 7, 0), buffer.getvalue()))
    record.close()
    header, jpeg = mx.recordio.unpack(mx.recordio.MXRecordIO(str(tmp_path / "one.rec"), "r").read())
    assert (header.label, header.id) == (3.0, 7)
    assert abs(mx.image.imdecode(jpeg).asnumpy().astype(int) - picture).max() <= 4


def test_gluoncv_builds_a_detector():
    from gluoncv.model_zoo import get_model

    net = get_model("ssd_512_mobilenet1.0_custom", classes=["pikachu"], pretrained_base=False)
    net.initialize()
    ids, scores, boxes = net(nd.zeros((1, 3, 64, 64)))
    assert boxes.shape[-1] == 4 and ids.shape[:2] == scores.shape[:2] == boxes.shape[:2]


def test_doctor_finds_nothing_wrong():
    doctor = subprocess.run([sys.executable, "-m", "d2lzh_cv.commands.doctor"], capture_output=True, text=True,
                            timeout=300)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
