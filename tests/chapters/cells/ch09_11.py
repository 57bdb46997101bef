# ruff: noqa
# %%
import d2lzh_cv as d2l
from mxnet import autograd, gluon, image, init, nd
from mxnet.gluon import model_zoo, nn
import time

# %%
d2l.set_figsize()
content_img = image.imread('../img/rainier.jpg')
d2l.plt.imshow(content_img.asnumpy());
style_img = image.imread('../img/autumn_oak.jpg')
d2l.plt.imshow(style_img.asnumpy());

# %%
mean, std = nd.array([0.485, 0.456, 0.406]), nd.array([0.229, 0.224, 0.225])

def to_input(img, image_shape):
    small = image.imresize(img, *image_shape).astype('float32')
    return ((small / 255 - mean) / std).transpose((2, 0, 1)).expand_dims(axis=0)

def to_picture(X):
    return (X[0].as_in_context(std.context).transpose((1, 2, 0)) * std + mean).clip(0, 1)

# %%
net, style_layers, content_layers = nn.Sequential(), [0, 2], [1]
net.add(nn.Conv2D(8, 3, activation='relu'), nn.Conv2D(8, 3, activation='relu'), nn.Conv2D(8, 3))
net.initialize(init.Xavier())

def features(X):
    contents, styles = [], []
    for i in range(len(net)):
        X = net[i](X)
        if i in style_layers:
            styles.append(X)
        if i in content_layers:
            contents.append(X)
    return contents, styles

def gram(X):
    rows = X.reshape((X.shape[1], -1))
    return nd.dot(rows, rows.T) / rows.size

# %%
ctx, image_shape = d2l.try_gpu(), (45, 30)
net.collect_params().reset_ctx(ctx)
content_X = to_input(content_img, image_shape).copyto(ctx)
content_Y, _ = features(content_X)
_, style_Y = features(to_input(style_img, image_shape).copyto(ctx))
style_Y = [gram(Y) for Y in style_Y]

class Canvas(nn.Block):
    def __init__(self, img_shape, **kwargs):
        super(Canvas, self).__init__(**kwargs)
        self.weight = self.params.get('weight', shape=img_shape)

    def forward(self):
        return self.weight.data()

canvas = Canvas(content_X.shape)
canvas.initialize(init.Constant(content_X), ctx=ctx, force_reinit=True)
trainer = gluon.Trainer(canvas.collect_params(), 'adam', {'learning_rate': 0.01})

# %%
losses = []
for i in range(10):
    with autograd.record():
        contents, styles = features(canvas())
        l = nd.add_n(*[(a - b).square().mean() for a, b in zip(contents, content_Y)]
                     + [100 * (gram(a) - b).square().mean() for a, b in zip(styles, style_Y)])
    l.backward()
    trainer.step(1)
    losses.append(l.asscalar())
    nd.waitall()

d2l.plt.imsave('../img/neural-style-1.png', to_picture(canvas()).asnumpy())
