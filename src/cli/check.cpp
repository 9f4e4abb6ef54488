// kvfrontier check: is this config sound, and what would it run?

#include <cstdio>

#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"
#include "core/json.hpp"
#include "core/text.hpp"
#include "sweep/config.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* check_usage = "check CONFIG [--set path=value]...";

int check(const std::vector<std::string>& arguments) {
  std::vector<std::string> sets;
  po::options_description flags("flags");
  flags.add_options()("set", po::value(&sets)->composing(), "override a value of the config: dotted.path=value");
  po::variables_map values;
  if (!parse("check", check_usage, flags, "CONFIG", 1, arguments, values)) return 0;
  const std::string config = required(values, "CONFIG", "check");
  const sweep::Plan plan = sweep::load_plan(config, sets);
  std::printf("%s: %s with %zu points is sound\n", core::printable(core::json_file_name(config)).c_str(),
              plan.experiment->name().c_str(), plan.points.size());
  return 0;
}

}  // namespace

Verb check_verb() {
  return {"check", check_usage, "validate a config, or what comes through a pipe to -, without running it", check};
}

}  // namespace kvfrontier::cli
