"""Where dependencies come from: Debian packages that tools/setup installs, nothing downloaded."""

def _require(ctx, path):
    if not ctx.path(path).exists:
        fail("@%s needs %s, which is not installed: run tools/setup" % (ctx.name, path))

def _system_library_impl(ctx):
    # Only the named headers are linked in: exporting all of /usr/include would break the
    # compiler's own include order.
    for header in ctx.attr.headers:
        path = "%s/%s" % (ctx.attr.include_dir, header)
        _require(ctx, path)
        ctx.symlink(path, "include/" + header)
    ctx.file("BUILD", 'load("@rules_cc//cc:defs.bzl", "cc_library")\n' + "".join(["""
cc_library(
    name = "{name}",
    hdrs = glob(["include/**"]),
    includes = ["include"],
    linkopts = {linkopts},
    visibility = ["{visibility}"],
)
""".format(
        name = name,
        linkopts = ["-l" + library for library in libraries],
        visibility = ctx.attr.users,
    ) for name, libraries in ctx.attr.targets.items()]))

_system_library = repository_rule(
    implementation = _system_library_impl,
    doc = "cc_library targets over installed headers and the libraries they are linked with.",
    attrs = {
        "headers": attr.string_list(doc = "Files and folders of include_dir."),
        "include_dir": attr.string(default = "/usr/include"),
        "targets": attr.string_list_dict(doc = "Target name -> libraries to link."),
        "users": attr.string(default = "//visibility:public"),
    },
)

def _rules_cc_impl(ctx):
    # Debian's rules_cc is newer than its Bazel, 4.2.3, which lacks use_cpp_toolchain.
    installed = "/usr/share/bazel/rules/cc"
    _require(ctx, installed)
    for entry in ctx.path(installed).readdir():
        if entry.basename != "cc":
            ctx.symlink(entry, entry.basename)
    result = ctx.execute(["bash", "-c", """
        set -e
        cp -r '%s/cc' .
        sed -i -e 's/, "use_cpp_toolchain")/)/' \
               -e 's|use_cpp_toolchain()|["@bazel_tools//tools/cpp:toolchain_type"]|' \
            cc/private/rules_impl/*.bzl""" % installed])
    if result.return_code != 0:
        fail("cannot patch rules_cc: " + result.stderr)

_rules_cc = repository_rule(implementation = _rules_cc_impl)

def _coverage_stub_impl(ctx):
    ctx.file("BUILD", """
filegroup(
    name = "coverage_report_generator",
    visibility = ["//visibility:public"],
)
""")

_coverage_stub = repository_rule(implementation = _coverage_stub_impl)

def third_party_repositories():
    """Declares the libraries we use and the repositories Bazel itself would otherwise download."""
    _rules_cc(name = "rules_cc")
    for name, path in {
        "platforms": "tools/platforms",
        "rules_java": "rules/java",
        "rules_proto": "rules/proto",
    }.items():
        native.local_repository(name = name, path = "/usr/share/bazel/" + path)
    _coverage_stub(name = "remote_coverage_tools")

    _system_library(
        name = "benchmark",
        headers = ["benchmark"],
        targets = {"benchmark": ["benchmark"]},
    )
    _system_library(
        name = "cli11",
        headers = ["CLI"],
        targets = {"cli11": []},
    )
    _system_library(
        name = "fmt",
        headers = ["fmt"],
        targets = {"fmt": ["fmt"]},
    )
    _system_library(
        name = "googletest",
        headers = ["gtest"],
        targets = {
            "gtest": ["gtest"],
            "gtest_main": ["gtest_main", "gtest"],
        },
    )
    _system_library(
        name = "json",
        headers = ["nlohmann"],
        targets = {"json": []},
    )
    _system_library(
        name = "libzip",
        headers = ["zip.h", "zipconf.h"],
        targets = {"libzip": ["zip"]},
    )
    _system_library(
        name = "llvm",
        headers = ["llvm", "llvm-c"],
        include_dir = "/usr/lib/llvm-22/include",
        targets = {"llvm": ["LLVM-22"]},
        users = "@needle//:llvm_users",
    )
    _system_library(
        name = "mpfr",
        headers = ["mpfr.h"],
        targets = {"mpfr": ["mpfr", "gmp"]},
    )
    _system_library(
        name = "zlib",
        headers = ["zconf.h", "zlib.h"],
        targets = {"zlib": ["z"]},
    )
