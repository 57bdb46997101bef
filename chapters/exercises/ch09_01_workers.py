# %% [markdown] lang="zh"
# # 9.1 练习：`DataLoader`的进程数
#
# `num_workers`是在训练的进程之外，用几个进程来读取和改变图像。书中写的是
# `num_workers = 0 if sys.platform.startswith('win32') else 4`：为什么Windows例外？用几个进程合适？
#
# 原因在于进程怎样启动。Linux的默认方式是fork：新进程是程序的副本，从程序当时所在的那一行开始。Windows和macOS则是
# spawn：每个进程重新启动Python，再导入主文件，才能找到其中的函数。由此：
#
# - 主文件必须可以放心导入：启动进程的代码要写在`if __name__ == "__main__":`之下；
# - 笔记本没有这样的文件，单元格里定义的函数找不到，所以在那里用`num_workers=0`；
# - 书中那一行写于macOS也改用spawn之前，现在macOS也需要同样的对待。
#
# Linux也可以用spawn，所以在Linux上就能看到那里发生的事。

# %% [markdown] lang="en"
# # 9.1 Exercise: workers of the `DataLoader`
#
# `num_workers` is the number of processes that read and change pictures beside the one that trains. The book writes
# `num_workers = 0 if sys.platform.startswith('win32') else 4`. Why is Windows an exception? How many workers are
# right?
#
# The reason is how a process starts. Linux forks by default: the new process is a copy of the program, at the line
# where the program is. Windows and macOS spawn: each process starts Python anew and imports the main file, to find
# the functions in it. So:
#
# - the main file must be harmless to import: what starts workers stands below `if __name__ == "__main__":`;
# - a notebook has no such file, and functions of its cells are not found, so `num_workers=0` is right there;
# - the book's line is older than the change of macOS to spawn, so macOS now needs the same care.
#
# Linux can spawn as well, so we can see on Linux what happens there.

# %%
import d2lzh_cv as d2l

d2l.start("9.1-workers")

# %%
import json
import multiprocessing
import subprocess
import sys

from d2lzh_cv import metrics

# %% tags=["parameters"]
num_pictures, num_rounds = 2048, 3
spawned = ("1 process", "2 processes")

# %% tags=["quick"]
num_pictures = 256
spawned = ("1 process",)

# %%
print("platform:", sys.platform, "- start method by default:", multiprocessing.get_start_method(allow_none=False))

# %% [markdown] lang="zh"
# 下面每次试验都是一个单独的Python程序：导入主文件会发生什么，只有真正的文件才看得到；进程若卡住，也只影响它自己。
# `program`运行一个程序，返回它打印的各行、最后一行错误信息和退出码。

# %% [markdown] lang="en"
# Each experiment is a Python program of its own. Only a real file shows what an import of the main file does, and a
# process that hangs ends nothing else. `program` runs one and returns its printed lines, its last line of errors, and
# its exit code.


# %%
def program(name, lines, *arguments, seconds=120):
    path = d2l.output_folder() / f"{name}.py"
    path.write_text(lines, encoding="utf-8")
    try:
        child = subprocess.run([sys.executable, "-W", "ignore", str(path), *map(str, arguments)], capture_output=True,
                               text=True, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode().splitlines(), f"no end within {seconds} s", None
    return child.stdout.splitlines(), (child.stderr.strip().splitlines() or [""])[-1], child.returncode


# %% [markdown] lang="zh"
# ## 有没有那个`if`
#
# 第一个程序没有`if __name__ == "__main__":`，第二个有，此外完全一样。新进程导入第一个程序时，又会走到启动进程的那一
# 行；Python发现后报错，进程没有工作就结束了。

# %% [markdown] lang="en"
# ## With and without the guard
#
# The first program has no `if __name__ == "__main__":`, the second one has it, and all else is the same. When the new
# process imports the first program, it comes to the line that starts a process. Python notices this and raises an
# error, and the process ends without any work.

# %%
without_guard = '''\
import multiprocessing

def work():
    print("the worker works", flush=True)

multiprocessing.set_start_method("spawn", force=True)
worker = multiprocessing.Process(target=work)
worker.start()
worker.join()
print("the worker's exit code:", worker.exitcode)
'''
with_guard = '''\
import multiprocessing

def work():
    print("the worker works", flush=True)

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn", force=True)
    worker = multiprocessing.Process(target=work)
    worker.start()
    worker.join()
    print("the worker's exit code:", worker.exitcode)
'''

# %%
guards = []
for name, lines in {"without the guard": without_guard, "with the guard": with_guard}.items():
    out, error, code = program(name.replace(" ", "_"), lines)
    guards.append([name, out.count("the worker works"), int(out[-1].split()[-1]) if out else None, code])
    print(f"{name}: {out} {error}")
guard_table = metrics.Table(["spawned", "workers that worked", "exit code of the worker", "of the program"], guards)
guard_table

# %% [markdown] lang="zh"
# ## 要多少时间
#
# 下面的程序用9.1节的方法改变CIFAR-10的图像，对每种进程数读几个周期：fork的进程、spawn的进程和线程。各种方式读的是同样
# 的图像；第一个周期包括启动进程的时间。
#
# 除了总的时间，更要看程序**自己**用了多少处理器时间：训练与读取同时进行时，网络要等的正是这一部分，其他进程分担的就是
# 它。

# %% [markdown] lang="en"
# ## How long it takes
#
# The next program reads pictures of CIFAR-10 and changes them as section 9.1 does, a few epochs for each number of
# workers: forked processes, spawned ones, and threads. All read the same pictures. The first epoch includes the start
# of the workers.
#
# Look at the whole time, but above all at the processor time of the program **itself**. In a training the network has
# to wait for this part, and this part is what workers take over.

# %%
time_loader = '''\
import json
import multiprocessing
import sys
import time

import d2lzh_cv as d2l
from mxnet.gluon.data import DataLoader
from mxnet.gluon.data.vision import transforms

root, method, pictures, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

if __name__ == "__main__":
    multiprocessing.set_start_method(method)
    changes = transforms.Compose([transforms.RandomFlipLeftRight(), transforms.RandomColorJitter(0.5, 0.5, 0.5, 0.5),
                                  transforms.ToTensor()])
    data = d2l.CIFAR10(root).take(pictures).transform_first(changes)
    for kind in sys.argv[5:]:
        begin, busy, seconds = time.perf_counter(), time.process_time(), []
        loader = DataLoader(data, 32, num_workers=int(kind[0]), thread_pool="thread" in kind)
        for _ in range(epochs):
            for X, y in loader:
                X.wait_to_read()
            seconds.append([time.perf_counter() - begin, time.process_time() - busy])
            begin, busy = time.perf_counter(), time.process_time()
        print(json.dumps([kind, seconds]), flush=True)
        del loader
'''

# %%
root = d2l.data_folder("cifar10").resolve()
methods = {"spawn": ("0", "1 process", "2 processes", "1 thread", "2 threads")}
if "fork" in multiprocessing.get_all_start_methods():
    methods = {"fork": methods["spawn"], "spawn": spawned}
rows = []
for method, kinds in methods.items():
    out, error, code = program("time_loader", time_loader, root, method, num_pictures, num_rounds, *kinds)
    if code != 0:
        print(f"{method}: {error}")
    for kind, seconds in map(json.loads, out):
        later, busy = (min(values) for values in zip(*seconds[1:]))
        rows.append([f"{kind}, {method}ed" if "process" in kind else kind, seconds[0][0], later, busy,
                     num_pictures / later])
table = metrics.Table(["workers", "first epoch, s", "later epoch, s", "of the program's own, s",
                       "pictures per second"], rows)
table

# %% figure="seconds" zh="只读取图像的一个周期，没有网络" en="an epoch of the loader alone, without a network"
names = [row[0] for row in rows]
d2l.plt.figure(figsize=(6, 0.4 * len(rows) + 1))
d2l.plt.barh(names, [row[1] for row in rows], color="lightgray", label="first epoch")
d2l.plt.barh(names, [row[2] for row in rows], height=0.5, label="later epochs")
d2l.plt.barh(names, [row[3] for row in rows], height=0.25, label="the program's own part of it")
d2l.plt.gca().invert_yaxis()
d2l.plt.xlabel(f"seconds for {num_pictures} pictures")
d2l.plt.legend(fontsize=8);

# %% [markdown] lang="zh"
# ## 回答
#
# 没有那个`if`，spawn的进程一个也没有工作；有了它，进程正常工作。所以书中的脚本在Windows上用`num_workers=0`是稳妥的做
# 法，要用多个进程就得加上`if`。
#
# 进程分担的是程序自己的处理器时间，代价是启动：fork很快，spawn要重新导入MXNet，通常要几秒，图像少的时候得不偿失。线程
# 启动快，可是它们是程序的一部分，用的是程序自己的处理器时间，而且同一时刻只有一个线程能执行Python代码。有多少处理器
# 核，就最多用多少个进程，再多只会互相争用。CIFAR-10的图像很小，改变它们本来就快；图像越大、增广越复杂，多进程的好处越
# 明显。
#
# fork也有风险：MXNet有自己的线程，副本里没有它们，fork出来的进程可能卡住。

# %% [markdown] lang="en"
# ## The answer
#
# Without the guard no spawned worker works; with it the worker works. So `num_workers=0` is the safe choice for the
# book's script on Windows, and several processes need the guard.
#
# Worker processes take over processor time of the program itself, and their price is the start. A fork is quick. A
# spawned worker imports MXNet anew, which usually takes seconds and does not pay for few pictures. Threads start
# quickly, but they are part of the program: their processor time is the program's own, and only one of them can run
# Python code at a time. Take at most as many processes as there are processor cores; more only compete with each
# other. The pictures of CIFAR-10 are small and quickly changed. The larger the pictures and the more complex the
# changes, the more workers help.
#
# A fork has a risk, too: MXNet has threads of its own which the copy lacks, so a forked worker can hang.

# %%
alone, least = rows[0], min(rows, key=lambda row: row[3])
shows = (f"Spawned without the guard {guards[0][1]} workers worked, with it {guards[1][1]}. An epoch keeps the program "
         f"itself busy for {alone[3]:.2f} s without workers, for {least[3]:.2f} s with '{least[0]}', whose first epoch "
         f"took {least[1]:.1f} s instead of {alone[1]:.1f} s. Other work on the machine moves these figures")
shows += "; few pictures do not repay a start." if num_pictures < 1000 else "."
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 换成9.2节的热狗图像（高和宽各几百像素），多进程节省的时间占多大比例？
# - 在训练中比较`num_workers`为0、1和4时一个周期的时间。

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Take the hot dogs of section 9.2, pictures of several hundred pixels. What share of the time do workers save?
# - Compare the time of an epoch of a training with `num_workers` 0, 1 and 4.
