// Measures several things in turns, so that what changes on the machine changes all of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace ndl::bench {

struct Candidate {
  std::string name;
  std::function<void()> run;
};

// The median time of each in seconds, of `rounds` in which every one runs once; before these each
// runs twice.
std::vector<double> medians(const std::vector<Candidate>& candidates, int rounds);

}  // namespace ndl::bench
