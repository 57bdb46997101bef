"""The processor's instruction sets, and what MXNet's oneDNN makes of them."""
from __future__ import annotations

from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
BFLOAT16 = "avx512_bf16"  # processors with AMX have it too
EMULATION = frozenset({"avx512bw", "avx512dq", "avx512vl"})  # with these, oneDNN computes bfloat16 by float32


def flags() -> frozenset[str]:
    """Return the flags of the processor as Linux names them, such as "avx2"; none where Linux does not tell."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    pairs = (line.partition(":") for line in lines)
    return next((frozenset(value.split()) for name, _, value in pairs if name.strip() == "flags"), frozenset())


def bfloat16() -> str:
    """Return how oneDNN computes convolutions in bfloat16 here: "fast", "slow" (emulated) or "not"."""
    found = flags()
    return "fast" if BFLOAT16 in found else "slow" if found >= EMULATION else "not"
