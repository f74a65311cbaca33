#include "tests/tools/cli.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

namespace ndl::tools::test {
namespace {

constexpr const char* kBinary = "tools/ndl/ndl";  // below the folder tests run in

}  // namespace

Outcome run(const Invocation& invocation) {
  const std::string base = testing::TempDir() + "ndl." + std::to_string(::getpid());
  const std::string in = base + ".in";
  const std::string out = base + ".out";
  const std::string err = base + ".err";
  std::ofstream(in, std::ios::binary) << invocation.input;

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  constexpr int kWrite = O_WRONLY | O_CREAT | O_TRUNC;
  int ends[2] = {-1, -1};
  if (invocation.close_output) {
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::close(ends[0]);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  } else {
    const std::string& path = invocation.output_path.empty() ? out : invocation.output_path;
    posix_spawn_file_actions_addopen(&actions, 1, path.c_str(), kWrite, 0600);
  }
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), kWrite, 0600);

  std::vector<std::string> arguments = {kBinary};
  arguments.insert(arguments.end(), invocation.arguments.begin(), invocation.arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::string flags = "NDL_FLAGS=" + invocation.flags;
  char* environment[] = {flags.data(), nullptr};

  Outcome outcome;
  pid_t child = 0;
  const int error = ::posix_spawn(&child, kBinary, &actions, nullptr, argv.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  if (ends[1] >= 0) ::close(ends[1]);
  if (error != 0) {
    ADD_FAILURE() << "cannot start " << kBinary;
    return outcome;
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  if (invocation.output_path.empty()) outcome.out = contents(out);
  outcome.err = contents(err);
  for (const std::string& path : {in, out, err}) ::unlink(path.c_str());
  return outcome;
}

std::string path_of(const std::string& name) { return testing::TempDir() + name; }

std::string save(const std::string& name, const std::string& text) {
  std::ofstream(path_of(name), std::ios::binary) << text;
  return path_of(name);
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

void expect_output(const Outcome& outcome, const std::string& out) {
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, out);
  EXPECT_EQ(outcome.err, "");
}

void expect_error(const Outcome& outcome, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  for (const std::string& part : parts) {
    EXPECT_TRUE(contains(outcome.err, part)) << "expected: " << part << "\nfound: " << outcome.err;
  }
}

}  // namespace ndl::tools::test
