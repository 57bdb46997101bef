# %% [markdown]
# # 9.5, exercise: from a feature map to classes and offsets
#
# A feature map is (1, c, h, w). With a anchors to a unit and q classes there are h·w·a anchors; each needs q + 1 scores
# and 4 offsets. Three ways to get them.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.5-multiscale")

# %%
from mxnet import image, nd  # noqa: E402
from mxnet.gluon import nn  # noqa: E402

from d2lzh_cv.metrics.tables import format_table  # noqa: E402
from d2lzh_cv.ssd import RATIOS, SIZES  # noqa: E402

num_anchors, num_classes, channels = 3, 2, 10
outputs = {"classes": num_anchors * (num_classes + 1), "offsets": num_anchors * 4}  # channels, a unit

# %% [markdown]
# ## Three ways
# A 3 × 3 convolution (the book's), one of 1 × 1, and a dense layer over the whole map. All give the same number of
# values; they differ in what a value can depend on and in how many weights that takes. Only the dense layer is tied to
# one map size.


# %%
def conv(kernel):
    """Same height and width, for any map."""
    return lambda height, width, count: nn.Conv2D(count, kernel, padding=kernel // 2)


def dense(height, width, count):
    """A row of all values of all units."""
    return nn.Dense(height * width * count)


ways = {"3 × 3 convolution": conv(3), "1 × 1 convolution": conv(1), "dense": dense}


def predict(way, height, width):
    """Shapes of classes and offsets as the layers give them and flattened, and the number of weights."""
    shapes, flat, weights = [], [], 0
    for count in outputs.values():
        layer = way(height, width, count)
        layer.initialize()
        Y = layer(nd.zeros((1, channels, height, width)))
        shapes.append(Y.shape)
        flat.append((d2l.flatten_pred(Y) if Y.ndim == 4 else Y).shape)
        weights += sum(parameter.data().size for parameter in layer.collect_params().values())
    return shapes, flat, weights


# %%
rows, shapes = [], {}
for side in (4, 2, 1):
    for name, way in ways.items():
        layers, flat, weights = predict(way, side, side)
        shapes[f"{side} × {side}, {name}"] = {"classes": layers[0], "offsets": layers[1], "flattened": flat}
        print(f"map {(1, channels, side, side)}, {name}: classes {layers[0]}, offsets {layers[1]}, flattened {flat}")
        seen = side * side if name == "dense" else min(side, 3 if name.startswith("3") else 1) ** 2
        rows.append([f"{side} × {side}, {name}", side * side * num_anchors, flat[0][1], flat[1][1], weights, seen])
table = {"columns": ["map, way", "anchors", "class scores", "offsets", "weights", "units seen"], "rows": rows}
print(format_table(table))
for row in rows:
    assert row[2:4] == [row[1] * (num_classes + 1), row[1] * 4], row

# %% [markdown]
# ## Maps need not be square
# A map of 2 rows and 5 columns, through the 3 × 3 convolution that fitted the square ones.

# %%
wide = predict(ways["3 × 3 convolution"], 2, 5)
print("map", (1, channels, 2, 5), "classes", wide[0][0], "offsets", wide[0][1], "flattened", wide[1])

# %% [markdown]
# ## The anchors of each scale, and what the unit in the middle sees
# A layer of kernel k after strides that multiply to j adds (k - 1)·j pixels to the receptive field. TinySSD halves with
# two 3 × 3 convolutions and a 2 × 2 pooling; its predictor is one more 3 × 3 convolution. An anchor much larger than
# the field (yellow) is predicted from a part of what it frames.

# %%
HALVING = ((3, 1), (3, 1), (2, 2))  # (kernel, stride)


def receptive_field(layers):
    """Pixels along one side that reach one unit after ``layers`` (kernel, stride)."""
    field, jump = 1, 1
    for kernel, stride in layers:
        field, jump = field + (kernel - 1) * jump, jump * stride
    return field


edge_size, scales = 256, []
for i, (sizes, ratios) in enumerate(zip(SIZES[:4], RATIOS)):
    side = edge_size // 2 ** (3 + i)
    field = receptive_field(HALVING * (3 + i) + ((3, 1),))
    anchors = d2l.multibox_prior(nd.zeros((1, 1, side, side)), sizes, ratios)
    scales.append((side, field, sizes, anchors.reshape((side, side, -1, 4))[side // 2, side // 2]))
scales.append((1, edge_size, SIZES[4], d2l.multibox_prior(nd.zeros((1, 1, 1, 1)), SIZES[4], RATIOS[4])[0]))

# %%
picture = image.imresize(d2l.read_picture(run.find("img").path / "catdog.jpg"), edge_size, edge_size)
fig, axes = d2l.plt.subplots(1, len(scales), figsize=(15, 3.2))
for ax, (side, field, sizes, anchors) in zip(axes, scales):
    ax.imshow(picture.asnumpy())
    d2l.show_bboxes(ax, anchors * edge_size, colors=["b", "g", "r", "m"])
    low, high = (max(0, min(edge_size, (side // 2 + 0.5) * edge_size / side + way * field / 2)) for way in (-1, 1))
    ax.add_patch(d2l.plt.Rectangle((low, low), high - low, high - low, color="yellow", alpha=0.35, zorder=0.5))
    ax.set_title(f"{side} × {side}, sizes {sizes[0]}, {sizes[1]}", fontsize=9)
    ax.set(xlim=(-20, edge_size + 20), ylim=(edge_size + 20, -20))
    ax.axis("off")
run.save_figure("scales", "TinySSD's five maps: the anchors around the middle unit, and in yellow the part of the "
                          "picture that reaches it")

# %%
fields = {"columns": ["map", "anchors", "smaller anchor, pixels", "larger anchor", "receptive field",
                      "larger anchor / field"],
          "rows": [[f"{side} × {side}", side * side * len(anchors), sizes[0] * edge_size, sizes[1] * edge_size, field,
                    sizes[1] * edge_size / field] for side, field, sizes, anchors in scales]}
print(format_table(fields))

# %%
weights = {row[0]: row[4] for row in rows}
beyond = [row[0] for row in fields["rows"] if row[5] > 1]
shows = (f"On the 4 × 4 map the three ways give {rows[0][2]} scores and {rows[0][3]} offsets each, with "
         f"{weights['4 × 4, 3 × 3 convolution']}, {weights['4 × 4, 1 × 1 convolution']} and {weights['4 × 4, dense']} "
         f"weights. Of TinySSD's five maps {len(beyond)} have an anchor larger than what its unit sees"
         f"{': ' + ', '.join(beyond) if beyond else ''}.")
print(shows)
run.record(tried=table, shapes=shapes, receptive_fields=fields, shapes_2_rows_5_columns=wide[0], shows=shows)
run.finish()
