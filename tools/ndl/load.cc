#include "tools/ndl/load.h"

#include "base/error.h"
#include "ir/parser.h"
#include "ir/verifier.h"
#include "tools/io/file.h"

namespace ndl::tools {

ir::Graph load_graph(const std::string& path) {
  if (path.empty()) throw_error<UsageError>("no file is given; '-' reads standard input");
  ir::Graph graph = ir::parse(read_text(path), path == "-" ? "<stdin>" : display_path(path));
  ir::verify(graph);
  return graph;
}

}  // namespace ndl::tools
