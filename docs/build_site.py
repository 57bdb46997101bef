"""Build the site: ``python docs/build_site.py [SECTION...]``, by ``make site``.

Writes docs/_build/html/zh and docs/_build/html/en: each section as a page, executed in quick mode, and the other pages
of docs/. Executed notebooks stay in docs/_build/cache, so a second build runs only what has changed.
"""
from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from d2lzh_cv import contents
from d2lzh_cv.book import compare, facts, notebook
from d2lzh_cv.book.prose import unwrapped
from d2lzh_cv.contents import SectionInfo

HERE = Path(__file__).resolve().parent
BUILD = HERE / "_build"
LANGUAGES = ("zh", "en")
PAGES = ("own-data", "demo", "data", "book-files", "downloads", "export", "workers", "troubleshooting", "results",
         "performance", "differences")
API = ("boxes", "anchors", "ssd", "fcn", "transposed_conv", "style", "augmentation", "finetuning", "resnet",
       "training", "plotting", "devices", "rcnn", "metrics", "data.pikachu", "data.voc", "data.cifar10", "data.hotdog",
       "data.kaggle", "data.hub", "engine.epochs", "engine.snapshots", "models.checkpoint", "models.predictor",
       "errors")
TEXT = {
    "chapter": {"zh": "本章各节", "en": "The chapter"},
    "parts": {"zh": "训练R-CNN系列", "en": "R-CNNs, trained"},
    "exercises": {"zh": "练习", "en": "Exercises"},
    "guide": {"zh": "使用指南", "en": "Guide"},
    "api": {"zh": "接口参考", "en": "API reference"},
    "download": {"zh": "下载：{notebook} · {script}", "en": "Download: {notebook} · {script}"},
    "notebook": {"zh": "本页的笔记本", "en": "this page as a notebook"},
    "script": {"zh": "脚本", "en": "script"},
    "figures": {"zh": "## 书中的数值", "en": "## The book's figures"},
    "exact": {"zh": "书中打印的数值，以及本包此刻算得的数值：",
              "en": "What the book prints, and what this package computes now:"},
    "columns": {"zh": "| 内容 | 书中 | 本包 |", "en": "| figure | book | this package |"},
    "training": {"zh": "训练结果（公开的运行，最后一个迭代周期）。本页以快速模式运行，数据和设置不同，不作比较：",
                 "en": "Results of training (published runs, last epoch). This page ran in quick mode, with other data "
                       "and settings, so they are not compared:"},
    "runs": {"zh": "| 训练 | 指标 | 公开的运行 |", "en": "| training | measure | published runs |"},
}


@dataclass(frozen=True)
class Site:
    """The pages of one language, written to ``source``."""

    language: str
    source: Path
    rows: dict[tuple[str, str], Any]  # of the comparison, by section and figure

    def text(self, key: str, **values: str) -> str:
        """Return a text in the site's language."""
        return TEXT[key][self.language].format(**values)

    def section(self, info: SectionInfo) -> str:
        """Write the page of a section, its notebook and its script; return the page's name."""
        name = Path(info.script).stem
        folder = self.source / "files"
        folder.mkdir(parents=True, exist_ok=True)
        notebook.write(notebook.build(info, self.language, quick=True), folder / f"{name}.ipynb")
        shutil.copyfile(contents.script_path(info), folder / f"{name}.py")
        links = {kind: f"{{download}}`{self.text(kind)} <../files/{name}{suffix}>`"
                 for kind, suffix in (("notebook", ".ipynb"), ("script", ".py"))}
        built = notebook.build(info, self.language, quick=True, speak=False)  # so both languages execute the same code
        title = next(cell for cell in built.cells if cell.cell_type == "markdown")
        head, _, rest = title.source.partition("\n")
        title.source = f"{head}\n\n{self.text('download', **links)}\n{rest}"
        figures = self.figures(info.number)
        if figures:
            built.cells.append(_markdown(figures))
        (self.source / "chapter").mkdir(exist_ok=True)
        notebook.write(built, self.source / "chapter" / f"{name}.ipynb")
        return f"chapter/{name}"

    def figures(self, number: str) -> str:
        """Return the book's figures of a section as Markdown, with ours; "" if it prints none."""
        exact = [fact for fact in facts.exact() if fact.section == number]
        trainings = [fact for fact in facts.training() if fact.section == number]
        parts = [self.text("figures")] if exact or trainings else []
        if exact:
            lines = [f"| {fact.shows} | {_short(fact.value)} | {self._ours(fact)} |" for fact in exact]
            parts += [self.text("exact"), "\n".join([self.text("columns"), "|---|---|---|", *lines])]
        if trainings:
            lines = [f"| {fact.series} | {name} | {', '.join(_last(fact, name))} |" for fact in trainings
                     for name in fact.quantities]
            parts += [self.text("training"), "\n".join([self.text("runs"), "|---|---|---|", *lines])]
        return "\n\n".join(parts)

    def _ours(self, fact: facts.Exact) -> str:
        row = self.rows[fact.section, fact.name]
        return _short(row.value) if row.value is not None else row.verdict


def _last(fact: facts.Training, name: str) -> list[str]:
    return [f"{log[-1][name]:g}" for log in fact.runs.values() if name in log[-1]]


def _short(value: Any, longest: int = 60) -> str:
    text = str(value)
    return f"`{text if len(text) <= longest else text[:longest] + ' …'}`"


def _markdown(source: str) -> Any:
    from nbformat.v4 import new_markdown_cell
    return new_markdown_cell(source)


def main() -> int:
    """Build the site of both languages and return an exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", help="build only these sections (default: all)")
    flags = parser.parse_args()
    chosen = contents.select(flags.sections) if flags.sections else list(contents.ALL)
    rows = {(row.section, row.name): row for row in compare.compare().rows}
    os.environ["D2LZH_CV_PROGRESS"] = "0"
    for language in LANGUAGES:
        source = BUILD / "source" / language
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir(parents=True)
        write_pages(Site(language, source, rows), chosen)
        subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", "html", "-c", str(HERE), "-d",
                        str(BUILD / "doctrees" / language), str(source), str(BUILD / "html" / language)],
                       check=True, env={**os.environ, "D2LZH_CV_SITE_LANGUAGE": language})
    (BUILD / "html" / "index.html").write_text(FRONT, encoding="utf-8")
    print(f"the site: {BUILD / 'html' / 'index.html'}")
    return 0


def write_pages(site: Site, chosen: list[SectionInfo]) -> None:
    """Write all pages of one language."""
    groups = {"chapter": contents.SECTIONS, "parts": contents.PARTS, "exercises": contents.EXERCISES}
    trees = [_tree(site.text(key), [site.section(info) for info in infos if info in chosen])
             for key, infos in groups.items()]
    suffix = ".zh-CN.md" if site.language == "zh" else ".md"
    pages = [name for name in PAGES if (HERE / f"{name}{suffix}").is_file()]
    for name in pages:
        text = _links((HERE / f"{name}{suffix}").read_text(encoding="utf-8"))
        (site.source / f"{name}.md").write_text(unwrapped(text) if site.language == "zh" else text, encoding="utf-8")
    (site.source / "api.md").write_text(_api(site.text("api")), encoding="utf-8")
    trees.append(_tree(site.text("guide"), [*pages, "api"]))
    index = (HERE / f"index{suffix}").read_text(encoding="utf-8")
    (site.source / "index.md").write_text("\n\n".join([index, *trees]) + "\n", encoding="utf-8")


def _links(text: str) -> str:
    """Return the Markdown of a page of docs/ for the site.

    The link to the twin goes, links out of the site become plain text, and links of a Chinese page lead to Chinese
    pages.
    """
    text = re.sub(r"^\[(?:中文|English)\]\(.*\n", "", text, flags=re.M)
    text = re.sub(r"\]\(([a-z-]+)\.zh-CN\.md", r"](\1.md", text)
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]*\)", r"\1", text)


def _tree(caption: str, names: list[str]) -> str:
    return "\n".join([":::{toctree}", ":maxdepth: 1", f":caption: {caption}", "", *names, ":::"])


def _api(title: str) -> str:
    blocks = [f"## d2lzh_cv.{name}\n\n```{{eval-rst}}\n.. automodule:: d2lzh_cv.{name}\n```" for name in API]
    return "\n\n".join([f"# {title}", *blocks]) + "\n"


FRONT = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><title>动手学深度学习 第9章 计算机视觉</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script>
const chinese = (navigator.language || "zh").toLowerCase().startsWith("zh");
location.replace((chinese ? "zh" : "en") + "/index.html");
</script></head>
<body><p><a href="zh/index.html">中文</a> · <a href="en/index.html" lang="en">English</a></p></body></html>
"""

if __name__ == "__main__":
    sys.exit(main())
