"""The layers: which folders a folder may include besides itself.

BUILD turns the table into visibility, tests/layers checks every #include against it.
"""

_LIBRARY = ["base", "ir", "passes", "runtime", "codegen", "needle"]

LAYERS = {
    "base": [],
    "ir": ["base"],
    "passes": ["base", "ir"],
    "runtime": ["base"],  # no LLVM: a model compiled ahead of time links runtime alone
    "codegen": ["base", "ir", "passes", "runtime", "llvm"],
    "needle": ["base", "ir", "passes", "runtime", "codegen"],
    "tools": _LIBRARY,
    "python": _LIBRARY,
    "examples": _LIBRARY,
    "bench": _LIBRARY,
    # Everything is tested; tests of codegen's insides emit LLVM IR as it does.
    "tests": _LIBRARY + ["tools", "python", "examples", "bench", "llvm"],
}
