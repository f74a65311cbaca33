// The flags that say for which CPU graphs are compiled and on how many threads they run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ndl::tools {

class TargetFlags {
 public:
  void add_cpu(CLI::App& app);
  void add_threads(CLI::App& app);

  // Each throws UsageError for a value that no machine has.
  const std::string& cpu() const;
  // 0: as many as the machine has.
  int threads() const;
  // Throws UsageError if one of the flags is given, because `reason`.
  void refuse(std::string_view reason) const;

 private:
  std::vector<CLI::Option*> options_;
  std::string cpu_ = "native";
  std::string threads_ = "0";
};

}  // namespace ndl::tools
