// That the matrix is as large as it says: nothing registered is passed over.

#include <set>

#include "../support/catch.hpp"
#include "matrix.hpp"

namespace kvfrontier::tests::coverage {

// [library]: of our own schemes, and not for a project outside that has its own tested.
TEST_CASE("the schemes of the library are found", "[conformance][library]") {
  std::set<std::string> names;
  for (const auto* scheme : conforming_schemes()) names.insert(scheme->name());
  for (const char* name : {"bitpack", "exact", "h2o", "kivi", "streaming_llm", "uniform"})
    CHECK(names.count(name) == 1);
}

TEST_CASE("the matrix holds every scheme, every choice and every family", "[conformance]") {
  const auto schemes = conforming_schemes();
  CHECK_FALSE(schemes.empty());
  CHECK(reduction::InstanceFamilies::find_or_null("index") != nullptr);

  const auto instances = small_instances();
  for (const auto* scheme : schemes) {
    std::set<std::string> met;
    const auto never = for_each_game(*scheme, instances, [&](const Game& game) {
      const Json options = game.params.options.to_json();
      for (const auto& [option, value] : options.items()) met.insert(option + '=' + value.dump());
    });
    for (const core::Option& option : scheme->options().options()) {
      for (const std::string& choice : option.choices) {
        CAPTURE(scheme->name(), option.name, choice);
        CHECK(met.count(option.name + '=' + Json(choice).dump()) == 1);
      }
    }
    // Presets that check() refuses on all instances: said, not failed, for a combination of options may be impossible.
    if (!never.empty())
      WARN(scheme->name() << ": " << never.size() << " of " << presets(scheme->options()).size()
                          << " presets are refused by its own check, such as " << never.front().dump());
    CHECK(never.size() < presets(scheme->options()).size());
    CHECK_FALSE(scheme->summary().empty());
    CHECK_FALSE(scheme->paper().empty());
    CHECK_FALSE(scheme->guarantee().empty());
  }
}

}  // namespace kvfrontier::tests::coverage
