// Whether a program gives what the interpreter gives, however its work is cut.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "codegen/program.h"
#include "ir/literal.h"
#include "tests/same_results.h"

namespace ndl::codegen {

// The program on so many threads of the process's pool, as Program::run takes them.
test::Outcome run_program(const Program& program, std::span<const ir::Literal> inputs, int threads);

// The program as if by so many threads: the rows of every kernel are cut into as many parts, sized
// as the pool would have them, and the last part runs first. Temporaries hold NaNs before.
test::Outcome run_in_parts(const Program& program, std::span<const ir::Literal> inputs, int parts);

// "" if the outcomes are the same, else what differs. Elements are equal bits or both NaN; with
// `ulps`, finite floats may be that many units in the last place of the larger one apart.
std::string difference(const test::Outcome& want, const test::Outcome& got, double ulps = 0);

// "" if the program gives `want` whatever the number of threads, else what differs and where.
std::string difference_on_any_threads(const test::Outcome& want, const Program& program,
                                      std::span<const ir::Literal> inputs, double ulps = 0);

// The same for a graph's text, compiled for the CPU at hand and for older ones, at random inputs;
// each program is shown to `look`.
std::string difference_on_any_cpu(
    const std::string& text, const std::function<void(const Program&)>& look = [](const auto&) {});

}  // namespace ndl::codegen
