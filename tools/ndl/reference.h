// The reference of ops and of passes, written from their tables.
#pragma once

#include <string>
#include <string_view>

namespace ndl::tools {

enum class ReferenceFormat { kText, kMarkdown, kJson };

// All ops, or the one called `name` if that is not empty. The Markdown of all ops is docs/ops.md.
// Throws UsageError, with the name that may have been meant, if there is no such op.
std::string op_reference(std::string_view name, ReferenceFormat format);

// The same for passes and their rules: docs/passes.md. `name` may be a rule's.
std::string pass_reference(std::string_view name, ReferenceFormat format);

}  // namespace ndl::tools
