# %% [markdown]
# # 9.1, aside: workers of the `DataLoader`
#
# `num_workers` is the number of processes that read and change pictures beside the one that trains. On Linux they are
# forked: each begins as a copy of the program, at the line where it is. Windows and macOS have to spawn them: each
# starts Python anew and imports the main file, to find the functions in it. So
#
# - the main file must be harmless to import: what starts workers stands below `if __name__ == "__main__":`;
# - in a notebook there is no such file, so that functions defined in its cells are not found: `num_workers=0` there;
# - the book's line `num_workers = 0 if sys.platform.startswith('win32') else 4` was written before macOS spawned too.
#
# Linux can spawn as well, which shows here what happens there.

# %%
import json
import multiprocessing
import subprocess
import sys

import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.1-workers")

# %%
from d2lzh_cv.metrics.tables import format_table  # noqa: E402

print("platform:", sys.platform, "- start method by default:", multiprocessing.get_start_method(allow_none=False))


def program(name, lines, *arguments, seconds=120):
    """Run a Python file of its own; returns its printed lines, its last error line, and its exit code."""
    path = run.folder / f"{name}.py"
    path.write_text(lines, encoding="utf-8")
    try:
        child = subprocess.run([sys.executable, "-W", "ignore", str(path), *map(str, arguments)], capture_output=True,
                               text=True, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode().splitlines(), f"no end within {seconds} s", None
    return child.stdout.splitlines(), (child.stderr.strip().splitlines() or [""])[-1], child.returncode


# %% [markdown]
# ## With and without the guard

# %%
UNGUARDED = '''\
import multiprocessing

def work():
    print("the worker works", flush=True)

multiprocessing.set_start_method("spawn", force=True)
worker = multiprocessing.Process(target=work)
worker.start()
worker.join()
print("the worker's exit code:", worker.exitcode)
'''
head, body = UNGUARDED.split("multiprocessing.set", 1)
GUARDED = head + 'if __name__ == "__main__":\n' + "".join(
    f"    {line}\n" for line in ("multiprocessing.set" + body).splitlines())
guards = []
for name, lines in {"without the guard": UNGUARDED, "with the guard": GUARDED}.items():
    out, error, code = program(name.replace(" ", "_"), lines)
    guards.append([name, out.count("the worker works"), int(out[-1].split()[-1]) if out else None, code])
    print(f"{name}: {out} {error}")
guard_table = {"columns": ["spawned", "workers that worked", "exit code of the worker", "of the program"],
               "rows": guards}
print(format_table(guard_table))

# %% [markdown]
# ## How long
# A program that reads CIFAR-10 through the changes of 9.1, a few epochs for each number of workers: forked processes,
# spawned ones, and threads. Each begins with the same pictures; the first epoch has the start of the workers in it.
# What counts beside a training is the program's own time, which workers take off it. It runs by itself, so that a
# worker that hangs (forked beside MXNet's own threads one can) ends nothing else.

# %%
TIMING = '''\
import json
import multiprocessing
import sys
import time

import d2lzh_cv as d2l
from d2lzh_cv.data.cifar10 import CIFAR10
from mxnet.gluon.data import DataLoader
from mxnet.gluon.data.vision import transforms

root, method, pictures, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

if __name__ == "__main__":
    multiprocessing.set_start_method(method)
    changes = transforms.Compose([transforms.RandomFlipLeftRight(), transforms.RandomColorJitter(0.5, 0.5, 0.5, 0.5),
                                  transforms.ToTensor()])
    data = CIFAR10(root).take(pictures).transform_first(changes)
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
root = run.find("cifar10").path.resolve()
methods = {"fork": ("0", "1 process", "2 processes", "1 thread", "2 threads"),
           "spawn": run.choose(quick=("1 process",), full=("1 process", "2 processes"))}
if "fork" not in multiprocessing.get_all_start_methods():
    methods = {"spawn": methods["fork"]}
pictures, rows = run.choose(quick=256, full=2048), []
for method, kinds in methods.items():
    out, error, code = program("time_loader", TIMING, root, method, pictures, 3, *kinds)
    if code != 0:
        print(f"{method}: {error}")
    for kind, seconds in map(json.loads, out):
        name = f"{kind}, {method}ed" if "process" in kind else kind
        later, busy = (min(values) for values in zip(*seconds[1:]))
        rows.append([name, seconds[0][0], later, busy, pictures / later])
table = {"columns": ["workers", "first epoch, s", "later epoch, s", "of the program's own, s", "pictures per second"],
         "rows": rows}
print(format_table(table))

# %%
names = [row[0] for row in rows]
d2l.plt.figure(figsize=(6, 0.4 * len(rows) + 1))
d2l.plt.barh(names, [row[1] for row in rows], color="lightgray", label="first epoch")
d2l.plt.barh(names, [row[2] for row in rows], height=0.5, label="later epochs")
d2l.plt.barh(names, [row[3] for row in rows], height=0.25, label="the program's own part of it")
d2l.plt.gca().invert_yaxis()
d2l.plt.xlabel(f"seconds for {pictures} pictures")
d2l.plt.legend(fontsize=8)
run.save_figure("seconds", "an epoch of the loader alone, without a network; the program's own part is processor "
                           "time that a network would have to wait for")

# %%
alone, least = rows[0], min(rows, key=lambda row: row[3])
shows = (f"Spawned without the guard {guards[0][1]} workers worked, with it {guards[1][1]}. An epoch keeps the program "
         f"itself busy for {alone[3]:.2f} s without workers, for {least[3]:.2f} s with '{least[0]}', whose first epoch "
         f"took {least[1]:.1f} s instead of {alone[1]:.1f} s. Other work on the machine moves these figures"
         f"{'; few pictures do not repay a start' if run.quick else ''}.")
print(shows)
run.record(tried=table, guard=guard_table, shows=shows)
run.finish()
