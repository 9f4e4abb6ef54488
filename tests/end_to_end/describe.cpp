// kvfrontier list and describe: every scheme tells its options, paper, guarantee and surrogates, and the reference in
// docs/ is what the binary writes.

#include <catch2/catch.hpp>

#include "process.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::end_to_end::describe {
namespace {

// Tests of other files register schemes that cheat; the program has none of them.
std::vector<std::string> scheme_names() {
  std::vector<std::string> names;
  for (const auto& name : schemes::Schemes::names()) {
    if (name.rfind("cheat_", 0) != 0) names.push_back(name);
  }
  return names;
}

}  // namespace

TEST_CASE("describe prints what the scheme says of itself", "[end_to_end]") {
  for (const auto& name : scheme_names()) {
    CAPTURE(name);
    const auto& scheme = schemes::Schemes::find(name, "scheme");
    const auto card = kvfrontier({"describe", name});
    REQUIRE(card.code == 0);
    for (const std::string& text : {scheme.summary(), scheme.surrogates(), scheme.paper(), scheme.guarantee()}) {
      CHECK_FALSE(text.empty());
      CHECK(card.out.find(text) != std::string::npos);
    }
    for (const auto& option : scheme.options().options()) CHECK(card.out.find(option.meaning) != std::string::npos);
  }
}

TEST_CASE("docs/schemes.md is what the binary writes", "[end_to_end]") {
  const auto written = kvfrontier({"list", "schemes", "--markdown"});
  REQUIRE(written.code == 0);
  for (const auto& name : scheme_names()) CHECK(written.out.find("\n## " + name + "\n") != std::string::npos);
  INFO("write it again with: build/kvfrontier list schemes --markdown > docs/schemes.md");
  const bool fresh = written.out == read_text(fs::path(KVFRONTIER_SOURCE_DIR) / "docs/schemes.md");
  CHECK(fresh);
}

}  // namespace kvfrontier::end_to_end::describe
