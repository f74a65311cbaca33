#include "tools/ndl/pass_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "codegen/launch_counts.h"
#include "codegen/program.h"
#include "passes/pass.h"
#include "passes/show.h"
#include "tools/io/file.h"

namespace ndl::tools {

void PassFlags::add_to(CLI::App& app, const std::string& fallback) {
  pipeline_option_ =
      app.add_option("-p,--passes", pipeline_, "passes to run, as in canonicalize,dce")
          ->type_name("PIPELINE")
          ->default_str(fallback)
          ->group("Passes");
  for (const FlagDef& def : all_flags()) {
    const std::string name = fmt::format("--{}", def.name);
    const std::string doc(def.doc);
    CLI::Option* option =
        def.needs_value()
            ? app.add_option(
                     name, [](const CLI::results_t&) { return true; }, doc)
                  ->expected(1)
            : app.add_flag(def.bare.empty() ? name : fmt::format("{}{{{}}}", name, def.bare), doc);
    option->type_name(std::string(def.value))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false)
        ->group("Passes");
    options_.emplace_back(&def, option);
  }
}

Flags PassFlags::flags() const {
  Flags flags = flags_from_environment(passes::check_flags);
  for (const auto& [def, option] : options_) {
    for (const std::string& value : option->results()) set_flag(flags, *def, value);
  }
  passes::check_flags(flags);
  return flags;
}

ir::Graph PassFlags::run(const ir::Graph& graph, const std::string& cpu,
                         const decltype(passes::RunOptions::observer)& observer) const {
  const Flags flags = this->flags();
  const std::string_view text = pipeline_option_->count() != 0 ? trim(pipeline_)
                                : cpu.empty()                  ? ""
                                                               : passes::kDefaultPipeline;
  const std::vector<passes::PipelineStep> pipeline =
      cpu.empty() ? passes::parse_pipeline(text) : codegen::pipeline_for(text, cpu);
  passes::ShowTo to;
  to.text = write_stderr;
  to.file = write_file;
  to.launches = codegen::launch_table;
  to.folder = flags.dump_to;
  if (!to.folder.empty()) {
    const bool is_given = std::ranges::any_of(options_, [](const auto& row) {
      return row.first->member == FlagDef::Member(&Flags::dump_to) && row.second->count() > 0;
    });
    passes::make_dump_folder(to.folder, is_given ? "" : "NDL_FLAGS: ");
  }
  return passes::run_and_show(graph, pipeline, flags, std::move(to), observer);
}

void PassFlags::dump_kernels(const ir::Graph& graph, const std::string& cpu) const {
  const std::string folder = flags().dump_to;
  if (folder.empty()) return;
  codegen::CompileOptions options;
  options.cpu = cpu;
  options.pipeline = "";
  codegen::dump_kernels(graph, folder, options);
}

}  // namespace ndl::tools
